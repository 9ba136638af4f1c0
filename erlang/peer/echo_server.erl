%% The Erlang peer's server: answers every message with the same bytes.
%%
%%     erl -noshell -noinput +Bd -pa EBIN -s echo_server -extra --port 9000
%%
%% One process accepts, each connection has its own, and one keeps the list of them for the end. OTP 20 or newer.
-module(echo_server).
-export([start/0]).

-include("limits.hrl").

-define(USAGE, "usage: echo_server [--host ADDRESS] [--port PORT] [--max-frame BYTES]").

start() ->
    command_line:run("echo_server", fun main/0).

main() ->
    case command_line:read(#{"host" => "127.0.0.1", "port" => 9000, "max-frame" => ?MAX_FRAME}, ?USAGE) of
        {Options, []} -> run(Options);
        {_Options, _Unexpected} -> command_line:usage(?USAGE)
    end.

run(#{"host" := Host, "port" := Port, "max-frame" := MaxFrame}) ->
    Listener = listen(Host, command_line:port(Port)),
    %% Code is loaded when first used, which fails when all descriptors are taken.
    ok = code:ensure_modules_loaded([connection, framing, u32be]),
    stop_signal:send_to(self()),
    Supervisor = self(),
    Decoder = framing:new(u32be, command_line:integer(MaxFrame)),
    command_line:run("echo_server", fun() -> accept(Listener, Decoder, Supervisor) end),
    {ok, RealPort} = inet:port(Listener),
    io:format("listening on ~s~n", [command_line:address(Host, RealPort)]),
    supervise(Listener, #{}).

echo(Message) ->
    Message.

listen(Host, Port) ->
    Options = [binary, {packet, raw}, {active, false}, {reuseaddr, true}, {nodelay, true}, {backlog, ?BACKLOG},
               {buffer, ?READ_SIZE}, {high_watermark, ?HIGH_WATERMARK}, {low_watermark, ?LOW_WATERMARK},
               %% The client's FIN ends its messages, not our answers.
               {exit_on_close, false}],
    case inet:getaddr(Host, inet) of
        {ok, Address} -> listen_at(Host, Port, [{ip, Address} | Options]);
        {error, Reason} -> cannot_listen(Host, Port, Reason)
    end.

listen_at(Host, Port, Options) ->
    case gen_tcp:listen(Port, Options) of
        {ok, Listener} -> Listener;
        {error, Reason} -> cannot_listen(Host, Port, Reason)
    end.

cannot_listen(Host, Port, Reason) ->
    command_line:fail("echo_server",
        ["cannot listen on ", command_line:address(Host, Port), ": ", inet:format_error(Reason)]).

accept(Listener, Decoder, Supervisor) ->
    case gen_tcp:accept(Listener) of
        {ok, Socket} ->
            Supervisor ! {connected, connection:start(Socket, Decoder, fun echo/1), Socket},
            accept(Listener, Decoder, Supervisor);
        {error, closed} ->
            ok;  % the server stops
        {error, _NoDescriptors} ->
            receive after ?ACCEPT_PAUSE_MS -> accept(Listener, Decoder, Supervisor) end
    end.

%% Connections: process => socket.
supervise(Listener, Connections) ->
    receive
        {connected, Process, Socket} ->
            monitor(process, Process),
            supervise(Listener, maps:put(Process, Socket, Connections));
        {'DOWN', _Monitor, process, Process, _Reason} ->
            supervise(Listener, maps:remove(Process, Connections));
        stop ->
            gen_tcp:close(Listener),
            [Process ! stop || Process <- maps:keys(Connections)],
            erlang:send_after(?STOP_MS, self(), too_late),
            wait_for_all(Connections),
            halt(0, [{flush, false}])
    end.

wait_for_all(Connections) when map_size(Connections) =:= 0 ->
    ok;
wait_for_all(Connections) ->
    receive
        {connected, Process, Socket} ->
            monitor(process, Process),
            Process ! stop,
            wait_for_all(maps:put(Process, Socket, Connections));
        {'DOWN', _Monitor, process, Process, _Reason} ->
            wait_for_all(maps:remove(Process, Connections));
        too_late ->
            lists:foreach(fun reset/1, maps:values(Connections))
    end.

%% Answers that could not be delivered are reset away: half a frame and then FIN would look like the whole truth (P12).
reset(Socket) ->
    inet:setopts(Socket, [{linger, {true, 0}}]),
    catch erlang:port_close(Socket).
