%% The server of everything that travels on a stream. One process accepts, each connection has its own, and one keeps the list of
%% them for the end.
-module(stream_server).
-export([listen/2, run/5]).

-include("limits.hrl").

listen(Address, Port) ->
    Options = [binary, {ip, Address}, {packet, raw}, {active, false}, {reuseaddr, true}, {nodelay, true}, {backlog, ?BACKLOG},
               {buffer, ?READ_SIZE}, {high_watermark, ?HIGH_WATERMARK}, {low_watermark, ?LOW_WATERMARK},
               %% The client's FIN ends its messages, not our answers.
               {exit_on_close, false}],
    gen_tcp:listen(Port, Options).

%% Calls Ready when it accepts. Does not return.
run(Listener, Framing, MaxFrame, Service, Ready) ->
    %% Code is loaded when first used, which fails when all descriptors are taken.
    ok = code:ensure_modules_loaded([connection, framing, Framing, service, ascii, execution, string, unicode_util]),
    stop_signal:send_to(self()),
    Supervisor = self(),
    Decoder = framing:new(Framing, MaxFrame),
    Connect = fun(Socket) -> connection:start(Socket, Framing, Decoder, Service) end,
    command_line:run("server", fun() -> accept(Listener, Connect, Supervisor) end),
    Ready(),
    supervise(Listener, #{}).

accept(Listener, Connect, Supervisor) ->
    case gen_tcp:accept(Listener) of
        {ok, Socket} ->
            Supervisor ! {connected, Connect(Socket), Socket},
            accept(Listener, Connect, Supervisor);
        {error, closed} ->
            ok;  % the server stops
        {error, _NoDescriptors} ->
            receive after ?ACCEPT_PAUSE_MS -> accept(Listener, Connect, Supervisor) end
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
