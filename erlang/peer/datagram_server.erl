%% The server of the framing datagram: a UDP datagram is a message, and has no connection.
-module(datagram_server).
-export([listen/2, run/5]).

-include("limits.hrl").

listen(Address, Port) ->
    gen_udp:open(Port, [binary, {ip, Address}, {active, false}, {buffer, ?READ_SIZE}, {recbuf, ?DATAGRAM_BUFFER}]).

%% Calls Ready when it is there. Does not return.
run(Socket, Framing, MaxFrame, Service, Ready) ->
    stop_signal:send_to(self()),
    Ready(),
    loop(Socket, Framing, framing:longest(Framing, MaxFrame), Service).

loop(Socket, Framing, Longest, Service) ->
    inet:setopts(Socket, [{active, once}]),
    receive
        {udp, Socket, Address, Port, Message} ->
            byte_size(Message) =< Longest andalso answer(Socket, Address, Port, Framing, Service(Message)),
            loop(Socket, Framing, Longest, Service);
        {udp_error, Socket, _Reason} ->  % P11: about an earlier answer, which nobody wanted
            loop(Socket, Framing, Longest, Service);
        stop ->
            halt(0, [{flush, false}])
    end.

answer(Socket, Address, Port, Framing, {Kind, Answer}) when Kind =:= answer; Kind =:= last ->
    case framing:encode(Framing, Answer) of
        {error, _NotCarried} -> ok;
        Datagram -> gen_udp:send(Socket, Address, Port, Datagram)  % an answer that cannot be sent is one that is lost
    end;
answer(_Socket, _Address, _Port, _Framing, _NoAnswer) ->
    ok.
