%% The framing u32be: 4-byte unsigned big-endian length, then exactly that many body bytes (P1).
-module(u32be).
-behaviour(framing).
-export([encode/1, split/2, last/1, longest/1]).

-define(HEADER_SIZE, 4).
-define(CEILING, 16#ffffffff).

encode(Body) when byte_size(Body) =< ?CEILING ->
    [<<(byte_size(Body)):32/big>>, Body];
encode(Body) ->
    {error, {too_long, byte_size(Body), ?CEILING}}.

split(<<Length:32/big, _/binary>>, MaxFrame) when Length > MaxFrame ->
    {error, {too_long, Length, MaxFrame}};  % P9: from the header alone
split(<<Length:32/big, Body:Length/binary, Rest/binary>>, _MaxFrame) ->
    {message, Body, Rest};
split(<<Length:32/big, _/binary>>, _MaxFrame) ->
    {more, ?HEADER_SIZE + Length};
split(_PartOfHeader, _MaxFrame) ->
    {more, ?HEADER_SIZE}.

last(<<Length:32/big, Body/binary>>) ->
    {error, {truncated_body, byte_size(Body), Length}};
last(PartOfHeader) ->
    {error, {truncated_header, byte_size(PartOfHeader), ?HEADER_SIZE}}.

longest(MaxFrame) ->
    min(MaxFrame, ?CEILING).
