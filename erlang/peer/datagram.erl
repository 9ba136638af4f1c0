%% The framing datagram: a UDP datagram is a message. There is no stream to split, so the decoder is never asked.
-module(datagram).
-behaviour(framing).
-export([encode/1, split/2, last/1, longest/1]).

-define(CEILING, 65507).

encode(Message) when byte_size(Message) =< ?CEILING ->
    Message;
encode(Message) ->
    {error, {too_long, byte_size(Message), ?CEILING}}.

split(_Buffer, MaxFrame) ->
    {more, MaxFrame + 1}.

last(Datagram) ->
    {message, Datagram}.

longest(MaxFrame) ->
    min(MaxFrame, ?CEILING).
