%% The server: a process for each connection, which answers every message with the same bytes.
-module(mutant_server).
-behaviour(gen_event).
-export([start/0]).
-export([init/1, handle_event/2, handle_call/2]).

-define(BACKLOG, 1024).
-define(DRAIN_MS, 1000).  % what still comes behind a refused header is read for so long, or a reset destroys the last answers
-define(STOP_MS, 2000).  % from SIGTERM to the end at the latest

start() ->
    error_logger:tty(false),
    Switch = mutant_bugs:switch(),
    spawn(fun() -> run(Switch, init:get_plain_arguments()) end).

run(Switch, [Host, Port]) ->
    {ok, Address} = inet:getaddr(Host, inet),
    Options = [binary, {ip, Address}, {active, false}, {reuseaddr, true}, {nodelay, true}, {backlog, ?BACKLOG},
               {buffer, 65536}, {exit_on_close, mutant_bugs:exit_on_close(Switch)} | mutant_bugs:wire(Switch)],
    case gen_tcp:listen(list_to_integer(Port), Options) of
        {ok, Listener} ->
            ok = gen_event:swap_handler(erl_signal_server, {erl_signal_handler, []}, {?MODULE, self()}),
            Supervisor = self(),
            spawn_link(fun() -> accept(Switch, Listener, Supervisor) end),
            {ok, RealPort} = inet:port(Listener),
            io:format("listening on port ~b~n", [RealPort]),
            process_flag(trap_exit, true),
            supervise(Listener, #{});
        {error, Reason} ->
            io:format(standard_error, "cannot listen on ~s:~s: ~s~n", [Host, Port, inet:format_error(Reason)]),
            halt(1)
    end.

accept(Switch, Listener, Supervisor) ->
    case gen_tcp:accept(Listener) of
        {ok, Socket} ->
            start_connection(mutant_bugs:link(Switch), Switch, Socket, Supervisor),
            accept(Switch, Listener, Supervisor);
        {error, closed} ->
            ok;  % the server stops
        {error, _NoDescriptors} ->
            timer:sleep(100),
            accept(Switch, Listener, Supervisor)
    end.

start_connection(same_process, Switch, Socket, _Supervisor) ->
    serve(Switch, Socket, mutant_frames:new(Switch));
start_connection(Link, Switch, Socket, Supervisor) ->
    Serve = fun() ->
        receive socket_is_yours -> serve(Switch, Socket, mutant_frames:new(Switch)) end
    end,
    Process = case Link of
        linked -> spawn_link(Serve);
        none -> spawn(Serve)
    end,
    gen_tcp:controlling_process(Socket, Process),
    Process ! socket_is_yours,
    Supervisor ! {connected, Process, Socket}.

%% The acceptor is linked to this process: it ends with it.
supervise(Listener, Connections) ->
    receive
        {connected, Process, Socket} ->
            monitor(process, Process),
            supervise(Listener, Connections#{Process => Socket});
        {'DOWN', _Monitor, process, Process, _Reason} ->
            supervise(Listener, maps:remove(Process, Connections));
        {'EXIT', _Acceptor, _Reason} ->
            halt(1);
        stop ->
            unlink_all(),
            gen_tcp:close(Listener),
            [Process ! stop || Process <- maps:keys(Connections)],
            erlang:send_after(?STOP_MS, self(), too_late),
            wait_for_all(Connections),
            halt(0, [{flush, false}])
    end.

unlink_all() ->
    {links, Links} = process_info(self(), links),
    [unlink(Process) || Process <- Links, is_pid(Process)].

wait_for_all(Connections) when map_size(Connections) =:= 0 ->
    ok;
wait_for_all(Connections) ->
    receive
        {connected, Process, Socket} ->
            monitor(process, Process),
            Process ! stop,
            wait_for_all(Connections#{Process => Socket});
        {'DOWN', _Monitor, process, Process, _Reason} ->
            wait_for_all(maps:remove(Process, Connections));
        too_late ->  % reset: half a frame and then FIN would look like the whole truth
            [begin inet:setopts(Socket, [{linger, {true, 0}}]), catch port_close(Socket) end
                || Socket <- maps:values(Connections)]
    end.

%% One connection. It reads on when its answers are out of its hands.
serve(Switch, Socket, Decoder) ->
    await(Socket, mutant_bugs:active(Switch)),
    receive
        {tcp, Socket, Data} ->
            {Result, Messages, Rest} = mutant_frames:feed(Data, Decoder),
            case {Result, answer(Switch, Socket, Messages)} of
                {ok, ok} -> serve(Switch, Socket, Rest);
                {too_long, ok} -> refuse(mutant_bugs:link(Switch), Socket);
                {_, {error, _Reset}} -> gen_tcp:close(Socket)
            end;
        {tcp_closed, Socket} ->
            gen_tcp:close(Socket);
        {tcp_error, Socket, _Reason} ->
            gen_tcp:close(Socket);
        stop ->
            part(Socket)
    end.

answer(Switch, Socket, Messages) ->
    [mutant_bugs:work(Switch) || _ <- Messages],
    send(Socket, [mutant_frames:encode(Switch, Message) || Message <- Messages], mutant_bugs:wire(Switch)).

send(_Socket, [], _Wire) -> ok;
send(Socket, Frames, [{packet, raw}]) -> gen_tcp:send(Socket, Frames);
send(Socket, [Body | Bodies], Wire) ->
    case gen_tcp:send(Socket, Body) of
        ok -> send(Socket, Bodies, Wire);
        Error -> Error
    end.

refuse(linked, _Socket) -> exit(bad_header);
refuse(_Link, Socket) -> part(Socket).

%% FIN behind the last answer, then what still comes is thrown away for a while.
part(Socket) ->
    gen_tcp:shutdown(Socket, write),
    Timer = erlang:start_timer(?DRAIN_MS, self(), drained),
    drain(Socket, Timer),
    gen_tcp:close(Socket).

drain(Socket, Timer) ->
    await(Socket, once),
    receive
        {tcp, Socket, _Data} -> drain(Socket, Timer);
        {tcp_closed, Socket} -> ok;
        {tcp_error, Socket, _Reason} -> ok;
        {timeout, Timer, drained} -> ok
    end.

await(Socket, Active) ->
    case inet:setopts(Socket, [{active, Active}]) of
        ok -> ok;
        {error, _ClosedAlready} -> self() ! {tcp_closed, Socket}
    end.

%% SIGTERM, handed to the supervisor as the message `stop`.
init({Supervisor, _TerminatedHandler}) -> {ok, Supervisor}.

handle_event(sigterm, Supervisor) ->
    Supervisor ! stop,
    {ok, Supervisor};
handle_event(_OtherSignal, Supervisor) ->
    {ok, Supervisor}.

handle_call(_Request, Supervisor) -> {ok, ok, Supervisor}.
