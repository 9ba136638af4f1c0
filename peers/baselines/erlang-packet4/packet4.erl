%% An echo server of length-prefixed messages that leaves the framing to the runtime: {packet, 4}.
-module(packet4).
-export([start/1]).

start([Port]) ->
    {ok, Listener} = gen_tcp:listen(list_to_integer(atom_to_list(Port)), [
        binary,
        {ip, {127, 0, 0, 1}},
        {packet, 4},
        {active, false},
        {reuseaddr, true},
        {nodelay, true},
        {backlog, 4096}
    ]),
    {ok, Chosen} = inet:port(Listener),
    io:format("listening on 127.0.0.1:~b~n", [Chosen]),
    accept(Listener).

accept(Listener) ->
    {ok, Socket} = gen_tcp:accept(Listener),
    Server = spawn(fun() -> receive go -> serve(Socket) end end),
    ok = gen_tcp:controlling_process(Socket, Server),
    Server ! go,
    accept(Listener).

serve(Socket) ->
    inet:setopts(Socket, [{active, 100}]),
    echo(Socket).

echo(Socket) ->
    receive
        {tcp, Socket, Message} ->
            case gen_tcp:send(Socket, Message) of
                ok -> echo(Socket);
                {error, _} -> gen_tcp:close(Socket)
            end;
        {tcp_passive, Socket} ->
            serve(Socket);
        {tcp_closed, Socket} ->
            ok;
        {tcp_error, Socket, _} ->
            gen_tcp:close(Socket)
    end.
