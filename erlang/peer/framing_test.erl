%% The golden vectors of tests/vectors/ through the Erlang framing, cut at every offset.
%%
%%     erlc -pa EBIN -o EBIN framing.erl u32be.erl line.erl ... framing_test.erl
%%     erl -noshell -noinput -pa EBIN -s framing_test -extra VECTORS_DIR
%%
%% Prints `N passed, N failed`, exit status 0 or 1. The format of the vectors is described in tests/vectors/README.md.
-module(framing_test).
-export([start/0]).

%% Streams up to this many bytes are cut at every offset, longer ones at this many first and last offsets: the work is quadratic.
-define(EVERY_CUT_UP_TO, 4096).
-define(EDGE_CUTS, 16).

-record(vector, {framing, name, max_frame, stream, messages, ending}).

%% What a framing has no form for on the wire.
-define(NOT_CARRIED, [{line, [<<>>, <<"a\nb">>, <<" a">>, <<"a\r">>]}, {fixed_1024, [<<"a", 0>>, <<0>>]},
                      {mnet, [<<"1234567">>]}, {mnet_le, [<<"1234567">>]}, {raw, [<<>>]}]).

start() ->
    [VectorsDir] = init:get_plain_arguments(),
    Vectors = [_ | _] = lists:append([read_vectors(VectorsDir, Name) || Name <- framing:names()]),
    Results = [{Name, about(Vector), Check(Vector)} || Vector <- Vectors, {Name, Check} <- checks()] ++ not_carried(),
    Failures = [Failure || Failure = {_Check, _Vector, Result} <- Results, Result =/= ok],
    [io:format("FAILED ~s: ~s ~w~n", [Vector, Check, Result]) || {Check, Vector, Result} <- Failures],
    io:format("~b passed, ~b failed~n", [length(Results) - length(Failures), length(Failures)]),
    halt(min(1, length(Failures))).

about(#vector{framing = Framing, name = Name}) ->
    [atom_to_list(Framing), " ", Name].

not_carried() ->
    [{"a message that would not come back the same is not encoded", atom_to_list(Framing),
      refused(framing:encode(Framing, Message))}
     || {Framing, Messages} <- ?NOT_CARRIED, Message <- Messages].

refused({error, {not_carried, _Why}}) -> ok;
refused(_Frame) -> wrong.

%% Name => what it finds: ok, or anything that helps to see the mistake.
checks() ->
    [{"cut in two anywhere, it gives the same messages", fun cut_in_two/1},
     {"in single bytes, it gives the same messages", fun single_bytes/1},
     {"its messages encode to the same stream", fun encode/1}].

cut_in_two(Vector = #vector{stream = Stream}) ->
    Wrong = [Cut || Cut <- cuts(byte_size(Stream)), begin
                        <<First:Cut/binary, Second/binary>> = Stream,
                        not gives(Vector, [First, Second])
                    end],
    case Wrong of
        [] -> ok;
        _ -> {wrong_when_cut_at, Wrong}
    end.

single_bytes(#vector{stream = Stream}) when byte_size(Stream) > ?EVERY_CUT_UP_TO ->
    ok;
single_bytes(Vector = #vector{stream = Stream}) ->
    case gives(Vector, [<<Byte>> || <<Byte>> <= Stream]) of
        true -> ok;
        false -> wrong
    end.

encode(#vector{name = <<"received-", _/binary>>}) ->
    ok;  % only understood, not sent
encode(#vector{framing = Framing, ending = <<"clean">>, messages = Messages, stream = Stream}) ->
    case iolist_to_binary([framing:encode(Framing, Message) || Message <- Messages]) of
        Stream -> ok;
        _ -> wrong
    end;
encode(_Broken) ->
    ok.

gives(#vector{framing = Framing, max_frame = MaxFrame, messages = Messages, ending = Ending}, Pieces) ->
    decode(Pieces, framing:new(Framing, MaxFrame), []) =:= {Messages, Ending}.

%% What the decoder makes of the pieces: the messages, and the end in the words of the vectors.
decode([], Decoder, Messages) ->
    case framing:finish(Decoder) of
        {ok, More} -> {Messages ++ More, <<"clean">>};
        {error, Error} -> {Messages, in_words(Error)}
    end;
decode([Piece | Pieces], Decoder, Messages) ->
    case framing:feed(Piece, Decoder) of
        {ok, More, Rest} -> decode(Pieces, Rest, Messages ++ More);
        {error, Error, More} -> {Messages ++ More, in_words(Error)}
    end.

in_words({too_long, Got, Limit}) -> in_words("too-long got=~b limit=~b", [Got, Limit]);
in_words({truncated_header, Got, Wanted}) -> in_words("truncated-header got=~b wanted=~b", [Got, Wanted]);
in_words({truncated_body, Got, Wanted}) -> in_words("truncated-body got=~b wanted=~b", [Got, Wanted]);
in_words({truncated_line, Got}) -> in_words("truncated-line got=~b", [Got]);
in_words({not_a_digit, At, Got}) -> in_words("not-a-digit at=~b got=~b", [At, Got]).

in_words(Format, Numbers) ->
    iolist_to_binary(io_lib:format(Format, Numbers)).

cuts(Length) when Length =< ?EVERY_CUT_UP_TO -> lists:seq(0, Length);
cuts(Length) -> lists:seq(0, ?EDGE_CUTS) ++ lists:seq(Length - ?EDGE_CUTS, Length).

%% Of one framing; not every one has vectors.
read_vectors(Dir, Name) ->
    File = filename:join(Dir, Name ++ ".txt"),
    {ok, Framing} = framing:module(Name),
    case file:read_file(File) of
        {ok, Text} ->
            [vector(Framing, Line)
             || Line <- binary:split(Text, <<"\n">>, [global]), Line =/= <<>>, binary:first(Line) =/= $#];
        {error, enoent} when Framing =/= u32be ->
            [];
        {error, Reason} ->
            io:format(standard_error, "framing_test: ~s: ~s~n", [File, file:format_error(Reason)]),
            halt(1)
    end.

vector(Framing, Line) ->
    [Name, MaxFrame, Stream, Messages, Ending] = binary:split(Line, <<" | ">>, [global]),
    #vector{framing = Framing, name = Name, max_frame = binary_to_integer(MaxFrame), stream = bytes(Stream),
            messages = messages(Messages), ending = Ending}.

messages(<<"-">>) -> [];
messages(Texts) -> [bytes(Text) || Text <- binary:split(Texts, <<",">>, [global])].

%% A bytes value: "" for none, else parts joined by +, each hex or hex*count.
bytes(<<"\"\"">>) -> <<>>;
bytes(Text) -> << <<(part(binary:split(Part, <<"*">>)))/binary>> || Part <- binary:split(Text, <<"+">>, [global]) >>.

part([Hex]) -> unhex(Hex);
part([Hex, Count]) -> binary:copy(unhex(Hex), binary_to_integer(Count)).

unhex(Hex) ->
    << <<(binary_to_integer(Digits, 16))>> || <<Digits:2/binary>> <= Hex >>.
