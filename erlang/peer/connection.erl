%% One client of the server: a process that reads messages and sends the answers. It shares nothing with the others (P6).
%%
%% It reads only when its last answer is out of its hands: a client that does not read is not read from either (P10).
-module(connection).
-export([start/4]).

-include("limits.hrl").

%% Takes the socket over from the calling process.
start(Socket, Framing, Decoder, Service) ->
    Process = spawn(fun() ->
        receive socket_is_yours -> serve(Socket, Decoder, fun(Messages) -> answer(Socket, Messages, Framing, Service) end) end
    end),
    case gen_tcp:controlling_process(Socket, Process) of
        ok -> ok;
        {error, _Gone} -> ok  % it finds out by itself
    end,
    Process ! socket_is_yours,
    Process.

serve(Socket, Decoder, Answer) ->
    await_data(Socket),
    receive
        {tcp, Socket, Data} ->
            case framing:feed(Data, Decoder) of
                {ok, Messages, Rest} ->
                    case Answer(Messages) of
                        ok -> serve(Socket, Rest, Answer);
                        over -> part(Socket, fun drain_a_while/1);
                        {error, _Reset} -> gen_tcp:close(Socket)  % P11
                    end;
                {error, _Error, Messages} ->  % P9: ends this connection alone, after the answers to the messages before
                    Answer(Messages),
                    part(Socket, fun drain_a_while/1)
            end;
        {tcp_closed, Socket} ->  % P7 and P8: closing waits until the answers are out; half a message is answered by nothing
            case framing:finish(Decoder) of
                {ok, Messages} -> Answer(Messages);
                {error, _Truncated} -> ok
            end,
            gen_tcp:close(Socket);
        {tcp_error, Socket, _Reason} ->
            gen_tcp:close(Socket);
        stop ->  % the client has done nothing wrong, and may be pipelining
            part(Socket, fun drain_until_silent/1)
    end.

%% Whether the conversation goes on. All answers leave together.
answer(_Socket, [], _Framing, _Service) ->
    ok;
answer(Socket, Messages, Framing, Service) ->
    {Outcome, Frames} = answers(Messages, Framing, Service, []),
    case gen_tcp:send(Socket, Frames) of
        ok -> Outcome;
        Error -> Error
    end.

answers([], _Framing, _Service, Frames) ->
    {ok, lists:reverse(Frames)};
answers([Message | Messages], Framing, Service, Frames) ->
    case Service(Message) of
        {answer, Answer} ->
            case framing:encode(Framing, Answer) of
                {error, _NotCarried} -> {over, lists:reverse(Frames)};
                Frame -> answers(Messages, Framing, Service, [Frame | Frames])
            end;
        silence -> answers(Messages, Framing, Service, Frames);
        {last, Answer} -> answers_end(framing:encode(Framing, Answer), Frames);
        over -> {over, lists:reverse(Frames)}
    end.

answers_end({error, _NotCarried}, Frames) -> {over, lists:reverse(Frames)};
answers_end(Frame, Frames) -> {over, lists:reverse([Frame | Frames])}.

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
