%% The Erlang peer's client: a netcat for messages.
%%
%%     erl -noshell -noinput +Bd -pa EBIN -s echo_client -extra 127.0.0.1 9000
%%
%% stdin carries the messages to send, stdout the messages received, each as a 4-byte big-endian length and the body. Each is
%% passed on at once. The end of stdin half-closes the connection; the client then receives until the server closes, and exits 0.
%% When the server closes before, that is 0 if there was an answer to each message sent and no further one comes. Else it exits 1
%% with the reason on stderr. OTP 20 or newer.
%%
%% The process of this module receives; that of frame_input sends: it reads while it writes.
-module(echo_client).
-export([start/0]).

-include("limits.hrl").

-define(USAGE, "usage: echo_client [--max-frame BYTES] HOST PORT").

-record(exchange, {socket :: gen_tcp:socket(),
                   output :: port(),
                   decoder :: framing:decoder(),
                   sent = 0 :: non_neg_integer(),
                   received = 0 :: non_neg_integer(),
                   input = waiting :: waiting | sending | ended | {failed, iodata()},
                   server = open :: open | ended}).

start() ->
    command_line:run("echo_client", fun main/0).

main() ->
    %% A report of a crash would go to stdout, between the messages.
    error_logger:tty(false),
    %% Not the run-time system's orderly stop: that would exit 0, as if all had been answered.
    os:set_signal(sigterm, default),
    case command_line:read(#{"max-frame" => ?MAX_FRAME}, ?USAGE) of
        {#{"max-frame" := MaxFrame}, [Host, Port]} ->
            converse(Host, command_line:port(Port), command_line:integer(MaxFrame));
        {_Options, _NoAddress} ->
            command_line:usage(?USAGE)
    end.

converse(Host, Port, MaxFrame) ->
    process_flag(trap_exit, true),
    Decoder = framing:new(u32be, MaxFrame),
    Socket = connect(Host, Port),
    Output = open_port({fd, 0, 1}, [out, binary]),
    frame_input:start(Socket, Decoder, self()),
    await_data(#exchange{socket = Socket, output = Output, decoder = Decoder}).

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

pass_on(Data, Exchange = #exchange{decoder = Decoder, output = Output, received = Received}) ->
    case framing:feed(Data, Decoder) of
        {ok, Messages, Rest} ->
            write_each(Messages, Output),
            Exchange#exchange{decoder = Rest, received = Received + length(Messages)};
        {error, Error, Messages} ->
            write_each(Messages, Output),
            fail(framing:describe(Error))
    end.

%% Blocks while stdout is not read; then the socket is not read either (P10).
write_each(Messages, Output) ->
    try
        [port_command(Output, framing:encode(u32be, Message)) || Message <- Messages]
    catch
        error:badarg -> fail("cannot write to stdout")
    end.

server_ended(Exchange = #exchange{decoder = Decoder}) ->
    case framing:finish(Decoder) of
        ok -> conclude(Exchange#exchange{server = ended});
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

fail(Reason) ->
    command_line:fail("echo_client", Reason).
