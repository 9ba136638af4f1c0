%% The framing raw: all bytes of one direction are one message, and no bytes are none.
-module(raw).
-behaviour(framing).
-export([encode/1, split/2, last/1, longest/1]).

encode(<<>>) ->
    {error, {not_carried, "no bytes are no message"}};
encode(Message) ->
    Message.

split(Buffer, MaxFrame) when byte_size(Buffer) > MaxFrame ->
    {error, {too_long, MaxFrame + 1, MaxFrame}};
split(_Buffer, MaxFrame) ->
    {more, MaxFrame + 1}.

last(Buffer) ->
    {message, Buffer}.

longest(MaxFrame) ->
    MaxFrame.
