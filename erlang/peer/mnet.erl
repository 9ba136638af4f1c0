%% The framing mnet: three big-endian numbers of 4 bytes, then a body: its size, a command, whether a reply is wanted.
%% The message is all behind the size.
-module(mnet).
-behaviour(framing).
-export([encode/1, split/2, last/1, longest/1]).

-define(HEADER_SIZE, 4).
-define(COMMAND_SIZE, 8).  % bytes of a message that the size does not count
-define(CEILING, 16#ffffffff).

encode(Message) when byte_size(Message) < ?COMMAND_SIZE ->
    {error, {not_carried, "a message has 8 bytes of command at least"}};
encode(Message) when byte_size(Message) - ?COMMAND_SIZE =< ?CEILING ->
    [<<(byte_size(Message) - ?COMMAND_SIZE):32/big>>, Message];
encode(Message) ->
    {error, {too_long, byte_size(Message) - ?COMMAND_SIZE, ?CEILING}}.

split(<<Size:32/big, _/binary>>, MaxFrame) when Size > MaxFrame ->
    {error, {too_long, Size, MaxFrame}};  % P9: from the size alone
split(<<Size:32/big, Behind/binary>>, _MaxFrame) ->
    Length = ?COMMAND_SIZE + Size,
    case Behind of
        <<Message:Length/binary, Rest/binary>> -> {message, Message, Rest};
        _PartOfMessage -> {more, ?HEADER_SIZE + Length}
    end;
split(_PartOfSize, _MaxFrame) ->
    {more, ?HEADER_SIZE}.

last(<<Size:32/big, Part/binary>>) ->
    {error, {truncated_body, byte_size(Part), ?COMMAND_SIZE + Size}};
last(PartOfSize) ->
    {error, {truncated_header, byte_size(PartOfSize), ?HEADER_SIZE}}.

longest(MaxFrame) ->
    min(MaxFrame, ?CEILING) + ?COMMAND_SIZE.
