%% The Erlang peer's server.
%%
%%     erl -noshell -noinput +Bd -pa EBIN -s server -extra --framing u32be --service echo --port 9000
%%
%% Reads its arguments, takes its port, says that it listens. OTP 20 or newer.
-module(server).
-export([start/0]).

-include("limits.hrl").

-define(USAGE, "usage: server [--host ADDRESS] [--port PORT] [--framing FRAMING] [--service SERVICE] "
               "[--allow-exec PROGRAM]... [--max-frame BYTES]").

start() ->
    command_line:run("server", fun main/0).

main() ->
    Defaults = #{"host" => "127.0.0.1", "port" => 9000, "framing" => "u32be", "service" => "echo", "allow-exec" => {each, []},
                 "max-frame" => ?MAX_FRAME},
    case command_line:read(Defaults, ?USAGE) of
        {Options, []} -> run(Options);
        {_Options, _Unexpected} -> command_line:usage(?USAGE)
    end.

run(#{"host" := Host, "port" := Port, "framing" := FramingName, "service" := ServiceName, "allow-exec" := {each, Programs},
      "max-frame" := MaxFrame}) ->
    Framing = command_line:framing(FramingName),
    Service = service(ServiceName, Framing, Programs),
    Limit = command_line:integer(MaxFrame),
    Address = address(Host, command_line:port(Port)),
    ServiceName =:= "exec" andalso check_exec(Framing, Address, Programs),
    Server = server_of(Framing),
    case Server:listen(Address, command_line:port(Port)) of
        {ok, Socket} -> Server:run(Socket, Framing, Limit, Service, fun() -> say_ready(Host, Socket) end);
        {error, Reason} -> cannot_listen(Host, Port, Reason)
    end.

server_of(datagram) -> datagram_server;
server_of(_Stream) -> stream_server.

service(Name, Framing, Programs) ->
    lists:any(fun(Program) -> Program =:= "" orelse lists:member($/, Program) end, Programs) andalso
        command_line:usage("--allow-exec takes the name of a program, not a path"),
    case service:new(Name, Framing, [unicode:characters_to_binary(Program) || Program <- Programs]) of
        {ok, Service} -> Service;
        error -> command_line:usage(["no such service: ", Name, ", expected one of ", lists:join(" ", service:names())])
    end.

%% It runs programs: only those that somebody chose, and not for other machines.
check_exec(_Framing, _Address, []) ->
    command_line:usage("--service exec needs --allow-exec PROGRAM");
check_exec(datagram, _Address, _Programs) ->
    command_line:usage("--service exec takes time, and --framing datagram has no connection that could wait");
check_exec(_Framing, {127, _, _, _}, _Programs) ->
    ok;
check_exec(_Framing, _Address, _Programs) ->
    command_line:usage("--service exec listens on the loopback interface only").

address(Host, Port) ->
    case inet:getaddr(Host, inet) of
        {ok, Address} -> Address;
        {error, Reason} -> cannot_listen(Host, Port, Reason)
    end.

say_ready(Host, Socket) ->
    {ok, Port} = inet:port(Socket),
    io:format("listening on ~s~n", [command_line:address(Host, Port)]).

cannot_listen(Host, Port, Reason) ->
    command_line:fail("server",
        ["cannot listen on ", command_line:address(Host, command_line:port(Port)), ": ", inet:format_error(Reason)]).
