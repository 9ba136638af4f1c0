%% How messages are laid on a byte stream. No input or output here: bytes in, messages out, and the other way round.
%%
%% A framing is a module with the callbacks below (u32be.erl is one); this module does what is the same for all of them.
%%
%% The decoder turns pieces of a stream, cut anywhere (P4), into messages. It holds what has arrived and nothing more: an
%% announced length reserves no memory. It looks into the buffer only when the framing can have got what it waits for; until then
%% the run-time system appends in place, so that the work is linear in the stream's length.
-module(framing).
-export([new/2, feed/2, finish/1, encode/2, describe/1]).
-export_type([decoder/0, error/0]).

-type error() :: {too_long, Got :: non_neg_integer(), Limit :: non_neg_integer()}
               | {truncated_header | truncated_body, Got :: non_neg_integer(), Wanted :: non_neg_integer()}.

%% The bytes on the wire.
-callback encode(Message :: binary()) -> iodata().
%% The first message in the buffer, and the rest; or how many bytes the buffer must have before it is worth another look.
-callback split(Buffer :: binary(), MaxFrame :: non_neg_integer()) ->
    {message, Message :: binary(), Rest :: binary()} | {more, Bytes :: pos_integer()} | {error, error()}.
%% The error for a stream that ends with this buffer, which is not empty.
-callback truncated(Buffer :: binary()) -> error().

-record(decoder, {module :: module(),
                  max_frame :: non_neg_integer(),
                  buffer = <<>> :: binary(),
                  wanted = 1 :: pos_integer()}).
-opaque decoder() :: #decoder{}.

-spec new(module(), non_neg_integer()) -> decoder().
new(Module, MaxFrame) ->
    #decoder{module = Module, max_frame = MaxFrame}.

%% Every message that is complete (P5), in order. Where the stream goes wrong: the error, beside the good ones before it.
-spec feed(binary(), decoder()) -> {ok, [binary()], decoder()} | {error, error(), [binary()]}.
feed(Data, Decoder = #decoder{buffer = Buffer, wanted = Wanted}) ->
    Grown = <<Buffer/binary, Data/binary>>,
    case byte_size(Grown) < Wanted of
        true -> {ok, [], Decoder#decoder{buffer = Grown}};
        false -> take(Grown, [], Decoder)
    end.

take(Buffer, Messages, Decoder = #decoder{module = Module, max_frame = MaxFrame}) ->
    case Module:split(Buffer, MaxFrame) of
        {message, Message, Rest} -> take(Rest, [Message | Messages], Decoder);
        %% The rest is copied, or it would keep the whole chunk alive that it is a part of.
        {more, Bytes} -> {ok, lists:reverse(Messages), Decoder#decoder{buffer = binary:copy(Buffer), wanted = Bytes}};
        {error, Error} -> {error, Error, lists:reverse(Messages)}
    end.

%% The stream has ended: ok if between two messages.
-spec finish(decoder()) -> ok | {error, error()}.
finish(#decoder{buffer = <<>>}) -> ok;
finish(#decoder{module = Module, buffer = Buffer}) -> {error, Module:truncated(Buffer)}.

-spec encode(module(), binary()) -> iodata().
encode(Module, Message) ->
    Module:encode(Message).

%% In words for the user.
-spec describe(error()) -> string().
describe({too_long, Got, Limit}) -> words("frame too long: ~b bytes announced, the limit is ~b", [Got, Limit]);
describe({truncated_header, Got, Wanted}) -> words("stream ended inside a header: got ~b of ~b bytes", [Got, Wanted]);
describe({truncated_body, Got, Wanted}) -> words("stream ended inside a body: got ~b of ~b bytes", [Got, Wanted]).

words(Format, Arguments) ->
    lists:flatten(io_lib:format(Format, Arguments)).
