%% Runs a program for the service exec: no shell, a bound on its time and on its output. It blocks the connection that asks, and
%% no other.
%%
%% A port has two pipes to a program, one each way: what the program writes on stderr comes among its stdout, in the order in which
%% it was written. And its stdin cannot be closed alone: a program that reads it waits until its time is over.
-module(execution).
-export([run/2, refusal/1]).

-include("limits.hrl").

%% What the program wrote, or the refusal.
run(Program, Arguments) ->
    case lists:any(fun(Word) -> binary:match(Word, <<0>>) =/= nomatch end, Arguments) of
        true -> refusal(["cannot start ", Program, ": a NUL in its arguments"]);  % it would end the word
        false -> find(Program, Arguments)
    end.

find(Program, Arguments) ->
    case os:find_executable(unicode:characters_to_list(Program)) of
        false -> refusal(["cannot start ", Program, ": no such program"]);
        Path -> run_file(Path, Program, Arguments)
    end.

refusal(Reason) ->
    unicode:characters_to_binary(["exec: ", Reason, "\n"]).

run_file(Path, Program, Arguments) ->
    try open_port({spawn_executable, Path}, [{args, Arguments}, {arg0, Program}, binary, exit_status, stderr_to_stdout, hide]) of
        Port ->
            Timer = erlang:start_timer(?EXEC_MS, self(), late),
            Answer = collect(Port, Timer, [], 0),
            erlang:cancel_timer(Timer),
            forget(Port, Timer),
            Answer
    catch
        error:Reason -> refusal(io_lib:format("cannot start ~ts: ~w", [Program, Reason]))
    end.

collect(Port, Timer, Output, Size) ->
    receive
        {Port, {data, Data}} when Size + byte_size(Data) > ?EXEC_BYTES ->
            give_up(Port, io_lib:format("more than ~b bytes of output", [?EXEC_BYTES]));
        {Port, {data, Data}} ->
            collect(Port, Timer, [Output | Data], Size + byte_size(Data));
        {Port, {exit_status, _Status}} ->
            iolist_to_binary(Output);
        {timeout, Timer, late} ->
            give_up(Port, io_lib:format("no end after ~b seconds", [?EXEC_MS div 1000]));
        stop ->
            self() ! stop,  % for the connection
            give_up(Port, "the server stops")
    end.

give_up(Port, Reason) ->
    kill(erlang:port_info(Port, os_pid)),
    catch port_close(Port),
    refusal(Reason).

kill({os_pid, Pid}) ->
    Options = [{args, ["-KILL", integer_to_list(Pid)]}, exit_status, stderr_to_stdout, hide],
    Killer = open_port({spawn_executable, os:find_executable("kill")}, Options),
    receive {Killer, {exit_status, _GoneAlready}} -> forget_port(Killer) end;
kill(undefined) ->
    ok.  % it has ended

%% What may still come of a port, and of a timer, that nobody waits for.
forget(Port, Timer) ->
    forget_port(Port),
    receive {timeout, Timer, late} -> ok
    after 0 -> ok
    end.

forget_port(Port) ->
    receive {Port, _} -> forget_port(Port)
    after 0 -> ok
    end.
