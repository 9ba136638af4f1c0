%% The framing mnet: three big-endian numbers of 4 bytes, then a body: its size, a command, whether a reply is wanted.
%% The message is all behind the size. With the byte order said, the same for mnet_le.
-module(mnet).
-behaviour(framing).
-export([encode/1, split/2, last/1, longest/1]).
-export([encode/2, split/3, last/2]).

-define(HEADER_SIZE, 4).
-define(COMMAND_SIZE, 8).  % bytes of a message that the size does not count
-define(CEILING, 16#ffffffff).

encode(Message) -> encode(big, Message).

split(Buffer, MaxFrame) -> split(big, Buffer, MaxFrame).

last(Buffer) -> last(big, Buffer).

encode(_Order, Message) when byte_size(Message) < ?COMMAND_SIZE ->
    {error, {not_carried, "a message has 8 bytes of command at least"}};
encode(Order, Message) when byte_size(Message) - ?COMMAND_SIZE =< ?CEILING ->
    [written(Order, byte_size(Message) - ?COMMAND_SIZE), Message];
encode(_Order, Message) ->
    {error, {too_long, byte_size(Message) - ?COMMAND_SIZE, ?CEILING}}.

split(Order, <<Header:?HEADER_SIZE/binary, Behind/binary>>, MaxFrame) ->
    case size(Order, Header) of
        Size when Size > MaxFrame -> {error, {too_long, Size, MaxFrame}};  % P9: from the size alone
        Size -> split_message(?COMMAND_SIZE + Size, Behind)
    end;
split(_Order, _PartOfSize, _MaxFrame) ->
    {more, ?HEADER_SIZE}.

split_message(Length, Behind) ->
    case Behind of
        <<Message:Length/binary, Rest/binary>> -> {message, Message, Rest};
        _PartOfMessage -> {more, ?HEADER_SIZE + Length}
    end.

last(Order, <<Header:?HEADER_SIZE/binary, Part/binary>>) ->
    {error, {truncated_body, byte_size(Part), ?COMMAND_SIZE + size(Order, Header)}};
last(_Order, PartOfSize) ->
    {error, {truncated_header, byte_size(PartOfSize), ?HEADER_SIZE}}.

longest(MaxFrame) ->
    min(MaxFrame, ?CEILING) + ?COMMAND_SIZE.

written(big, Size) -> <<Size:32/big>>;
written(little, Size) -> <<Size:32/little>>.

size(big, <<Size:32/big>>) -> Size;
size(little, <<Size:32/little>>) -> Size.
