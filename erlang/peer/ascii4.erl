%% The framing ascii4: four decimal digits in ASCII, then as many body bytes as they say.
-module(ascii4).
-behaviour(framing).
-export([encode/1, split/2, last/1, longest/1]).

-define(HEADER_SIZE, 4).
-define(CEILING, 9999).

encode(Body) when byte_size(Body) =< ?CEILING ->
    [io_lib:format("~4..0b", [byte_size(Body)]), Body];
encode(Body) ->
    {error, {too_long, byte_size(Body), ?CEILING}}.

split(Buffer, MaxFrame) ->
    case header(Buffer, 0, 0) of
        {error, Error} -> {error, Error};
        {more, Bytes} -> {more, Bytes};
        {Length, _Behind} when Length > MaxFrame -> {error, {too_long, Length, MaxFrame}};  % P9: from the header alone
        {Length, Behind} -> split_body(Length, Behind)
    end.

split_body(Length, Behind) ->
    case Behind of
        <<Body:Length/binary, Rest/binary>> -> {message, Body, Rest};
        _PartOfBody -> {more, ?HEADER_SIZE + Length}
    end.

last(Buffer) ->
    case header(Buffer, 0, 0) of
        {Length, Body} when is_binary(Body) -> {error, {truncated_body, byte_size(Body), Length}};
        _PartOfHeader -> {error, {truncated_header, byte_size(Buffer), ?HEADER_SIZE}}
    end.

longest(MaxFrame) ->
    min(MaxFrame, ?CEILING).

%% The length, and what stands behind it. A wrong byte is found when it is there, not when all four are.
header(Behind, ?HEADER_SIZE, Length) -> {Length, Behind};
header(<<Digit, Rest/binary>>, At, Length) when Digit >= $0, Digit =< $9 -> header(Rest, At + 1, Length * 10 + Digit - $0);
header(<<Byte, _/binary>>, At, _Length) -> {error, {not_a_digit, At, Byte}};
header(<<>>, At, _Length) -> {more, At + 1}.
