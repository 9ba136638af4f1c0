%% What a server answers (P3). A service is a function of the message, which says in one of these ways what comes of it:
%%
%%     {answer, Message}    that is the answer
%%     silence              there is none
%%     {last, Message}      that is the answer, and the conversation is over
%%     over                 the conversation is over
%%
%% A further service is a further function, named in all/2.
-module(service).
-export([new/3, names/0]).

-define(ACK, "服务器收到: "/utf8).
%% The commands of mnet.
-define(INFORM, 1).
-define(REQUEST, 2).
-define(PARAM, 3).

%% The service of that name beside a framing; Allowed are the programs that exec may run.
new(Name, Framing, Allowed) ->
    case lists:keyfind(Name, 1, all(Framing, Allowed)) of
        {Name, Service} -> {ok, Service};
        false -> error
    end.

names() -> [Name || {Name, _Service} <- all(u32be, [])].

all(Framing, Allowed) ->
    [{"echo", fun echo/1}, {"ack", fun ack/1}, {"upper", fun upper/1}, {"count", fun count/1},
     {"mnet", fun(Message) -> mnet(Message, byte_order(Framing)) end},
     {"exec", fun(Message) -> exec(Message, Allowed) end},
     {"time", fun time/1}].

echo(Message) ->
    {answer, Message}.

ack(<<"PING">>) -> {answer, <<"PONG">>};
ack(Message) -> {answer, <<?ACK, Message/binary>>}.

upper(Message) ->
    case is_exit(Message) of
        true -> over;
        false -> upper_text(unicode:characters_to_binary(Message), Message)
    end.

upper_text(Message, Message) -> {answer, iolist_to_binary([string:uppercase(Piece) || Piece <- pieces(Message)])};
upper_text(_NotUtf8, _Message) -> over.

%% string:uppercase/1 makes a list of what it gets, of many times the size.
pieces(Text) when byte_size(Text) =< 4096 -> [Text];
pieces(Text) ->
    {Piece, Rest} = split_binary(Text, start_of_character(Text, 4096)),
    [Piece | pieces(Rest)].

start_of_character(Text, At) ->
    case binary:at(Text, At) of
        Continued when Continued band 2#11000000 =:= 2#10000000 -> start_of_character(Text, At - 1);
        _ -> At
    end.

count(Message) ->
    {last, iolist_to_binary(io_lib:format("you messagge is ~b bytes", [byte_size(Message)]))}.

mnet(<<Command:4/binary, Reply:4/binary, Body/binary>>, Order) ->
    case {number(Command, Order), number(Reply, Order)} of
        {?INFORM, _} -> silence;
        {Asks, 0} when Asks =:= ?REQUEST; Asks =:= ?PARAM -> silence;
        {Asks, _} when Asks =:= ?REQUEST; Asks =:= ?PARAM ->
            {answer, <<(bytes(?INFORM, Order))/binary, 0:32, Body/binary>>};
        _ExitOrUnknown -> over
    end;
mnet(_TooShort, _Order) ->
    over.

byte_order(mnet_le) -> little;
byte_order(_Framing) -> big.

number(Bytes, Order) -> binary:decode_unsigned(Bytes, Order).

bytes(Number, big) -> <<Number:32/big>>;
bytes(Number, little) -> <<Number:32/little>>.

exec(Message, Allowed) ->
    case is_exit(Message) of
        true -> over;
        false -> {answer, exec_text(unicode:characters_to_binary(Message), Message, Allowed)}
    end.

exec_text(Message, Message, Allowed) ->
    case ascii:words(Message) of
        [] -> execution:refusal("no command");
        [Program | Arguments] ->
            case lists:member(Program, Allowed) of
                true -> execution:run(Program, Arguments);
                false -> execution:refusal(["not allowed: ", Program])
            end
    end;
exec_text(_NotUtf8, _Message, _Allowed) ->
    execution:refusal("not UTF-8").

time(_Message) ->
    {answer, <<(os:system_time(second)):32/big>>}.

is_exit(Message) ->
    ascii:upper(ascii:strip(Message)) =:= <<"EXIT">>.
