%% What the two programs share towards their user: how they start, their options, the address in words, how to end with a message.
-module(command_line).
-export([run/2, read/2, integer/1, port/1, framing/1, address/2, fail/2, usage/1]).

%% A process without which the program is nothing: whatever goes wrong in it ends the program. It is a process since `erl -s`
%% waits for the function that it calls.
run(Program, Function) ->
    spawn(fun() ->
        try Function()
        catch _Class:Reason -> fail(Program, io_lib:format("~w", [Reason]))
        end
    end).

%% The arguments after -extra, as {Options, Rest}: `--name value` is an option. The defaults say which names there are; one of
%% {each, []} may be given again, and has all its values.
read(Defaults, Usage) ->
    read(init:get_plain_arguments(), Defaults, [], Usage).

read(["--" ++ Name, Value | Arguments], Options, Rest, Usage) ->
    case maps:find(Name, Options) of
        {ok, {each, Values}} -> read(Arguments, maps:put(Name, {each, [Value | Values]}, Options), Rest, Usage);
        {ok, _Default} -> read(Arguments, maps:put(Name, Value, Options), Rest, Usage);
        error -> usage(Usage)
    end;
read([Argument | Arguments], Options, Rest, Usage) ->
    read(Arguments, Options, [Argument | Rest], Usage);
read([], Options, Rest, _Usage) ->
    {Options, lists:reverse(Rest)}.

%% A number from the command line, given as text or as a default.
integer(Number) when is_integer(Number) -> Number;
integer(Text) ->
    case string:to_integer(Text) of
        {Number, []} when Number >= 0 -> Number;
        _ -> usage(["not a number: ", Text])
    end.

port(Text) ->
    case integer(Text) of
        Port when Port =< 65535 -> Port;
        _ -> usage(["not a port: ", Text])
    end.

framing(Name) ->
    case framing:module(Name) of
        {ok, Module} -> Module;
        error -> usage(["no such framing: ", Name, ", expected one of ", lists:join(" ", framing:names())])
    end.

address(Host, Port) ->
    io_lib:format("~s:~b", [Host, Port]).

%% One line on stderr, exit status 1.
fail(Program, Reason) ->
    io:format(standard_error, "~s: ~s~n", [Program, Reason]),
    halt(1).

usage(Text) ->
    io:format(standard_error, "~s~n", [Text]),
    halt(2).
