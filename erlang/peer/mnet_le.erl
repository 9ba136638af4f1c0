%% The framing mnet-le: mnet with little-endian numbers.
-module(mnet_le).
-behaviour(framing).
-export([encode/1, split/2, last/1, longest/1]).

encode(Message) -> mnet:encode(little, Message).

split(Buffer, MaxFrame) -> mnet:split(little, Buffer, MaxFrame).

last(Buffer) -> mnet:last(little, Buffer).

longest(MaxFrame) -> mnet:longest(MaxFrame).
