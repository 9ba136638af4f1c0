%% How messages are laid on a byte stream. No input or output here: bytes in, messages out, and the other way round.
%%
%% A framing is a module with the callbacks below (u32be.erl is one); this module does what is the same for all of them.
%%
%% The decoder turns pieces of a stream, cut anywhere (P4), into messages. It holds what has arrived and nothing more: an
%% announced length reserves no memory. It looks into the buffer only when the framing can have got what it waits for; until then
%% the run-time system appends in place, so that the work is linear in the stream's length.
-module(framing).
-export([module/1, names/0, new/2, feed/2, finish/1, encode/2, longest/2, describe/1]).
-export_type([decoder/0, error/0]).

-type error() :: {too_long, Got :: non_neg_integer(), Limit :: non_neg_integer()}
               | {truncated_header | truncated_body, Got :: non_neg_integer(), Wanted :: non_neg_integer()}
               | {truncated_line, Got :: pos_integer()}
               | {not_a_digit, At :: non_neg_integer(), Got :: byte()}
               | {not_carried, Why :: string()}.

%% The bytes on the wire; or why the framing cannot carry the message.
-callback encode(Message :: binary()) -> iodata() | {error, error()}.
%% The first message in the buffer, and the rest; or bytes that carry none, and the rest. Or when the buffer is worth another look:
%% when it has so many bytes, or when a piece arrives that holds the byte, whichever comes first.
-callback split(Buffer :: binary(), MaxFrame :: non_neg_integer()) ->
    {message, Message :: binary(), Rest :: binary()} | {skip, Rest :: binary()}
    | {more, Bytes :: pos_integer()} | {find, Byte :: binary(), Bytes :: pos_integer()} | {error, error()}.
%% What a stream comes to that ends with this buffer, which is not empty.
-callback last(Buffer :: binary()) -> {message, Message :: binary()} | nothing | {error, error()}.
%% Bytes of the longest message where this is the limit.
-callback longest(MaxFrame :: non_neg_integer()) -> non_neg_integer().

-record(decoder, {module :: module(),
                  max_frame :: non_neg_integer(),
                  buffer = <<>> :: binary(),
                  wanted = {more, 1} :: {more, pos_integer()} | {find, binary(), pos_integer()}}).
-opaque decoder() :: #decoder{}.

%% The module of a framing; no atom is made of what a user writes.
module(Name) ->
    case lists:keyfind(Name, 1, all()) of
        {Name, Module} -> {ok, Module};
        false -> error
    end.

names() -> [Name || {Name, _Module} <- all()].

all() ->
    [{"u32be", u32be}, {"line", line}, {"fixed-1024", fixed_1024}, {"ascii4", ascii4}, {"mnet", mnet}, {"mnet-le", mnet_le},
     {"raw", raw}, {"datagram", datagram}].

-spec new(module(), non_neg_integer()) -> decoder().
new(Module, MaxFrame) ->
    #decoder{module = Module, max_frame = MaxFrame}.

%% Every message that is complete (P5), in order. Where the stream goes wrong: the error, beside the good ones before it.
-spec feed(binary(), decoder()) -> {ok, [binary()], decoder()} | {error, error(), [binary()]}.
feed(Data, Decoder = #decoder{buffer = Buffer, wanted = Wanted}) ->
    Grown = <<Buffer/binary, Data/binary>>,
    case worth_a_look(Wanted, Grown, Data) of
        true -> take(Grown, [], Decoder);
        false -> {ok, [], Decoder#decoder{buffer = Grown}}
    end.

worth_a_look({more, Bytes}, Grown, _Data) -> byte_size(Grown) >= Bytes;
worth_a_look({find, Byte, Bytes}, Grown, Data) -> byte_size(Grown) >= Bytes orelse binary:match(Data, Byte) =/= nomatch.

take(Buffer, Messages, Decoder = #decoder{module = Module, max_frame = MaxFrame}) ->
    case Module:split(Buffer, MaxFrame) of
        {message, Message, Rest} -> take(Rest, [Message | Messages], Decoder);
        {skip, Rest} -> take(Rest, Messages, Decoder);
        {error, Error} -> {error, Error, lists:reverse(Messages)};
        %% The rest is copied, or it would keep the whole chunk alive that it is a part of.
        Wanted -> {ok, lists:reverse(Messages), Decoder#decoder{buffer = binary:copy(Buffer), wanted = Wanted}}
    end.

%% The stream has ended: the messages that its end completes, if it did not end inside one.
-spec finish(decoder()) -> {ok, [binary()]} | {error, error()}.
finish(#decoder{buffer = <<>>}) ->
    {ok, []};
finish(#decoder{module = Module, buffer = Buffer}) ->
    case Module:last(Buffer) of
        {message, Message} -> {ok, [Message]};
        nothing -> {ok, []};
        {error, Error} -> {error, Error}
    end.

-spec encode(module(), binary()) -> iodata() | {error, error()}.
encode(Module, Message) ->
    Module:encode(Message).

-spec longest(module(), non_neg_integer()) -> non_neg_integer().
longest(Module, MaxFrame) ->
    Module:longest(MaxFrame).

%% In words for the user.
-spec describe(error()) -> string().
describe({too_long, Got, Limit}) -> words("frame too long: ~b bytes announced, the limit is ~b", [Got, Limit]);
describe({truncated_header, Got, Wanted}) -> words("stream ended inside a header: got ~b of ~b bytes", [Got, Wanted]);
describe({truncated_body, Got, Wanted}) -> words("stream ended inside a body: got ~b of ~b bytes", [Got, Wanted]);
describe({truncated_line, Got}) -> words("stream ended inside a line: got ~b bytes of it", [Got]);
describe({not_a_digit, At, Got}) -> words("byte ~b of a header is no digit: 0x~2.16.0b", [At, Got]);
describe({not_carried, Why}) -> Why.

words(Format, Arguments) ->
    lists:flatten(io_lib:format(Format, Arguments)).
