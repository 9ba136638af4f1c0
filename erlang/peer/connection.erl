%% One client of the server: a process that reads messages and sends the answers. It shares nothing with the others (P6).
%%
%% It reads only when its last answer is out of its hands: a client that does not read is not read from either (P10).
-module(connection).
-export([start/3]).

-include("limits.hrl").

%% Takes the socket over from the calling process.
start(Socket, Decoder, Service) ->
    Process = spawn(fun() ->
        receive socket_is_yours -> serve(Socket, Decoder, Service) end
    end),
    case gen_tcp:controlling_process(Socket, Process) of
        ok -> ok;
        {error, _Gone} -> ok  % it finds out by itself
    end,
    Process ! socket_is_yours,
    Process.

serve(Socket, Decoder, Service) ->
    await_data(Socket),
    receive
        {tcp, Socket, Data} ->
            case framing:feed(Data, Decoder) of
                {ok, Messages, Rest} ->
                    case answer(Socket, Messages, Service) of
                        ok -> serve(Socket, Rest, Service);
                        {error, _Reset} -> gen_tcp:close(Socket)  % P11
                    end;
                {error, _Error, Messages} ->  % P9: ends this connection alone, after the answers to the messages before
                    answer(Socket, Messages, Service),
                    part(Socket, fun drain_a_while/1)
            end;
        {tcp_closed, Socket} ->  % P7 and P8: closing waits until the answers are out; half a message is answered by nothing
            gen_tcp:close(Socket);
        {tcp_error, Socket, _Reason} ->
            gen_tcp:close(Socket);
        stop ->  % the client has done nothing wrong, and may be pipelining
            part(Socket, fun drain_until_silent/1)
    end.

answer(_Socket, [], _Service) ->
    ok;
answer(Socket, Messages, Service) ->
    gen_tcp:send(Socket, [framing:encode(u32be, Service(Message)) || Message <- Messages]).

%% Ends a connection whose client may still be sending: FIN behind the last answer, then what arrives is thrown away for a while,
%% so that no reset destroys that answer.
part(Socket, Drain) ->
    gen_tcp:shutdown(Socket, write),
    Drain(Socket),
    gen_tcp:close(Socket).

drain_a_while(Socket) ->
    Timer = erlang:start_timer(?DRAIN_MS, self(), drained),
    drain(Socket, Timer, ?DRAIN_BYTES).

drain(Socket, Timer, BytesLeft) when BytesLeft > 0 ->
    await_data(Socket),
    receive
        {tcp, Socket, Data} -> drain(Socket, Timer, BytesLeft - byte_size(Data));
        {tcp_closed, Socket} -> ok;
        {tcp_error, Socket, _Reason} -> ok;
        {timeout, Timer, drained} -> ok
    end;
drain(_Socket, _Timer, _BytesLeft) ->
    ok.

drain_until_silent(Socket) ->
    await_data(Socket),
    receive
        {tcp, Socket, _Data} -> drain_until_silent(Socket);
        {tcp_closed, Socket} -> ok;
        {tcp_error, Socket, _Reason} -> ok
    after ?DRAIN_MS ->
        ok
    end.

%% One read, delivered as a message.
await_data(Socket) ->
    case inet:setopts(Socket, [{active, once}]) of
        ok -> ok;
        {error, _ClosedAlready} -> self() ! {tcp_closed, Socket}
    end.
