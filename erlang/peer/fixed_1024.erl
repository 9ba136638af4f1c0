%% The framing fixed-1024: 1024 bytes, the message and NULs behind it.
-module(fixed_1024).
-behaviour(framing).
-export([encode/1, split/2, last/1, longest/1]).

-define(SIZE, 1024).

encode(Message) when byte_size(Message) > ?SIZE ->
    {error, {too_long, byte_size(Message), ?SIZE}};
encode(Message) ->
    case unpadded(Message) of
        Message -> [Message, binary:copy(<<0>>, ?SIZE - byte_size(Message))];
        _Shorter -> {error, {not_carried, "a padded message cannot end in NUL"}}
    end.

split(<<Padded:?SIZE/binary, Rest/binary>>, MaxFrame) ->
    case unpadded(Padded) of
        Message when byte_size(Message) > MaxFrame -> {error, {too_long, byte_size(Message), MaxFrame}};
        Message -> {message, Message, Rest}
    end;
split(_Part, _MaxFrame) ->
    {more, ?SIZE}.

last(Part) ->
    {error, {truncated_body, byte_size(Part), ?SIZE}}.

longest(MaxFrame) ->
    min(MaxFrame, ?SIZE).

unpadded(Padded) ->
    binary:part(Padded, 0, end_of_message(Padded, byte_size(Padded))).

end_of_message(Padded, End) when End > 0 ->
    case binary:at(Padded, End - 1) of
        0 -> end_of_message(Padded, End - 1);
        _ -> End
    end;
end_of_message(_AllPadding, 0) ->
    0.
