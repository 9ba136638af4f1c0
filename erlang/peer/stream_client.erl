%% The client of everything that travels on a stream. The process of this module receives; that of frame_input sends: it reads while
%% it writes.
-module(stream_client).
-export([converse/4]).

-include("limits.hrl").

-record(exchange, {socket :: gen_tcp:socket(),
                   output :: port(),
                   decoder :: framing:decoder(),
                   sent = 0 :: non_neg_integer(),
                   received = 0 :: non_neg_integer(),
                   input = waiting :: waiting | sending | ended | {failed, iodata()},
                   server = open :: open | ended}).

%% Does not return.
converse(Host, Port, Framing, MaxFrame) ->
    process_flag(trap_exit, true),
    Socket = connect(Host, Port),
    Output = open_port({fd, 0, 1}, [out, binary]),
    Owner = self(),
    Send = fun(Message, Sent) -> send(Socket, Framing, Message, Sent, Owner) end,
    frame_input:start(framing:longest(Framing, MaxFrame), Send,
                      fun() -> gen_tcp:shutdown(Socket, write) end,  % what was sent can still be answered
                      Owner),
    await_data(#exchange{socket = Socket, output = Output, decoder = framing:new(Framing, MaxFrame)}).

connect(Host, Port) ->
    Options = [binary, {packet, raw}, {active, false}, {nodelay, true}, {buffer, ?READ_SIZE}, {show_econnreset, true},
               {high_watermark, ?HIGH_WATERMARK}, {low_watermark, ?LOW_WATERMARK}],
    case gen_tcp:connect(Host, Port, Options, ?CONNECT_MS) of
        {ok, Socket} ->
            Socket;
        {error, Reason} ->
            fail(["cannot connect to ", command_line:address(Host, Port), ": ", describe(Reason)])
    end.

describe(timeout) -> "no answer";
describe(Reason) -> inet:format_error(Reason).

%% One read, delivered as a message.
await_data(Exchange = #exchange{socket = Socket}) ->
    case inet:setopts(Socket, [{active, once}]) of
        ok -> ok;
        {error, _ClosedAlready} -> self() ! {tcp_closed, Socket}
    end,
    loop(Exchange).

loop(Exchange = #exchange{socket = Socket, output = Output, sent = Sent}) ->
    receive
        {tcp, Socket, Data} -> await_data(pass_on(Data, Exchange));
        {tcp_closed, Socket} -> server_ended(Exchange);
        {tcp_error, Socket, Reason} -> fail(["connection lost: ", inet:format_error(Reason)]);
        sending -> conclude(Exchange#exchange{input = sending, sent = Sent + 1});
        taken -> loop(Exchange);
        waiting -> loop(Exchange#exchange{input = waiting});
        input_ended -> conclude(Exchange#exchange{input = ended});
        {input_failed, Reason} -> conclude(Exchange#exchange{input = {failed, Reason}});
        {'EXIT', Output, Reason} -> fail(io_lib:format("cannot write to stdout: ~p", [Reason]));
        {'EXIT', _Input, normal} -> loop(Exchange);
        {'EXIT', _Input, Reason} -> fail(io_lib:format("cannot read stdin: ~p", [Reason]))
    after patience(Exchange) ->
        reset(Exchange),
        fail(io_lib:format("the server was silent for ~b seconds", [?SILENCE_MS div 1000]))
    end.

%% A server whose turn it is, and that neither reads nor answers nor closes, is taken for dead.
patience(#exchange{input = waiting}) -> infinity;
patience(_ServersTurn) -> ?SILENCE_MS.

pass_on(Data, Exchange = #exchange{decoder = Decoder}) ->
    case framing:feed(Data, Decoder) of
        {ok, Messages, Rest} ->
            deliver(Messages, Exchange#exchange{decoder = Rest});
        {error, Error, Messages} ->
            deliver(Messages, Exchange),
            fail(framing:describe(Error))
    end.

deliver(Messages, Exchange = #exchange{output = Output, received = Received}) ->
    write_each(Messages, Output),
    Exchange#exchange{received = Received + length(Messages)}.

%% Blocks while stdout is not read; then the socket is not read either (P10).
write_each(Messages, Output) ->
    try
        [port_command(Output, framing:encode(u32be, Message)) || Message <- Messages]
    catch
        error:badarg -> fail("cannot write to stdout")
    end.

server_ended(Exchange = #exchange{decoder = Decoder}) ->
    case framing:finish(Decoder) of
        {ok, Messages} -> conclude((deliver(Messages, Exchange))#exchange{server = ended});
        {error, Error} -> fail(framing:describe(Error))
    end.

%% What is to be done now that one side has ended or said more. A server that closed in good order may still have closed too
%% early: that is known when stdin ends, or a further message comes.
conclude(Exchange = #exchange{server = open}) ->
    loop(Exchange);
conclude(#exchange{input = {failed, Reason}}) ->
    fail(Reason);
conclude(#exchange{input = ended}) ->
    halt(0);
conclude(#exchange{sent = Sent, received = Received}) when Received < Sent ->
    fail(io_lib:format("the server closed the connection, ~b of ~b answers are missing", [Sent - Received, Sent]));
conclude(Exchange) ->
    loop(Exchange).

%% What the server does not take would hold up the end of the program for ever.
reset(#exchange{socket = Socket}) ->
    inet:setopts(Socket, [{linger, {true, 0}}]),
    catch erlang:port_close(Socket).

%% The sending process: one message. Each piece that the server takes is a sign of life.
send(_Socket, raw, _Message, Sent, _Owner) when Sent > 0 ->
    {failed, "stdin: one message is all that a connection carries"};
send(Socket, Framing, Message, _Sent, Owner) ->
    case framing:encode(Framing, Message) of
        {error, Error} -> {failed, ["stdin: ", framing:describe(Error)]};
        Frame -> send_pieces(Socket, iolist_to_binary(Frame), Owner)
    end.

send_pieces(Socket, <<Piece:?SEND_SIZE/binary, Rest/binary>>, Owner) ->
    case gen_tcp:send(Socket, Piece) of
        ok -> Owner ! taken, send_pieces(Socket, Rest, Owner);
        Error -> cannot_send(Error)
    end;
send_pieces(Socket, Last, _Owner) ->
    case gen_tcp:send(Socket, Last) of
        ok -> ok;
        Error -> cannot_send(Error)
    end.

cannot_send({error, Reason}) ->
    {failed, ["cannot send: ", inet:format_error(Reason)]}.

fail(Reason) ->
    command_line:fail("client", Reason).
