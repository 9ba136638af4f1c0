%% Pieces of a stream, cut anywhere, to messages; and back. Correct, but for the mistakes of mutant_bugs.
-module(mutant_frames).
-export([max_frame/0, new/1, feed/2, is_between/1, encode/2]).

-define(MAX_FRAME, 16 * 1024 * 1024).

-record(decoder, {switch, buffer = <<>>, wanted = 4}).

max_frame() -> ?MAX_FRAME.

new(Switch) -> #decoder{switch = Switch}.

%% {ok | too_long, Messages, Decoder}: the messages that are complete, and what to go on with. With {packet, N} each piece is one.
feed(Data, Decoder = #decoder{switch = Switch, buffer = Buffer, wanted = Wanted}) ->
    case {mutant_bugs:wire(Switch), mutant_bugs:reads(Switch)} of
        {[{packet, raw}], message} ->
            {ok, [one_message(Data)], Decoder};
        {[{packet, raw}], part_of_a_stream} ->
            Grown = <<Buffer/binary, Data/binary>>,
            case byte_size(Grown) < Wanted of
                true -> {ok, [], Decoder#decoder{buffer = Grown}};
                false -> take(Grown, [], Decoder)
            end;
        _FoundByTheRunTimeSystem ->
            {ok, [Data], Decoder}
    end.

one_message(<<Length:32, Body:Length/binary, _Rest/binary>>) -> Body;
one_message(<<_:32, Body/binary>>) -> Body;
one_message(PartOfHeader) -> PartOfHeader.

take(<<Length:32, _/binary>>, Messages, Decoder) when Length > ?MAX_FRAME ->
    {too_long, lists:reverse(Messages), Decoder};
take(<<Length:32, Body:Length/binary, Rest/binary>>, Messages, Decoder = #decoder{switch = Switch}) ->
    take(Rest, [mutant_bugs:received(Switch, Body) | Messages], Decoder);
take(<<Length:32, _/binary>> = Rest, Messages, Decoder) ->
    {ok, lists:reverse(Messages), Decoder#decoder{buffer = binary:copy(Rest), wanted = 4 + Length}};
take(Rest, Messages, Decoder) ->
    {ok, lists:reverse(Messages), Decoder#decoder{buffer = binary:copy(Rest), wanted = 4}}.

is_between(#decoder{buffer = Buffer}) -> Buffer =:= <<>>.

encode(Switch, Body) ->
    case mutant_bugs:wire(Switch) of
        [{packet, raw}] -> [<<(mutant_bugs:length(Switch, Body)):32>>, Body];
        _AddedByTheRunTimeSystem -> Body
    end.
