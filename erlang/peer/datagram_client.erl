%% The client of the framing datagram: a UDP datagram is a message. There is no half-close, and datagrams may be lost.
-module(datagram_client).
-export([converse/4]).

-include("limits.hrl").

-record(exchange, {socket :: gen_udp:socket(),
                   output :: port(),
                   wait :: non_neg_integer(),  % milliseconds
                   sent = 0 :: non_neg_integer(),
                   received = 0 :: non_neg_integer(),
                   input = open :: open | ended}).

%% Does not return.
converse(Host, Port, MaxFrame, Wait) ->
    process_flag(trap_exit, true),
    Socket = connect(Host, Port),
    Output = open_port({fd, 0, 1}, [out, binary]),
    Send = fun(Message, _Sent) -> send(Socket, Message) end,
    frame_input:start(framing:longest(datagram, MaxFrame), Send, fun() -> ok end, self()),
    loop(#exchange{socket = Socket, output = Output, wait = Wait}).

%% Connected: nobody else is listened to, and the system tells when nobody is there.
connect(Host, Port) ->
    {ok, Socket} = gen_udp:open(0, [binary, {active, once}, {buffer, ?READ_SIZE}, {recbuf, ?DATAGRAM_BUFFER}]),
    case gen_udp:connect(Socket, Host, Port) of
        ok -> Socket;
        {error, Reason} -> fail(["cannot connect to ", command_line:address(Host, Port), ": ", inet:format_error(Reason)])
    end.

send(Socket, Message) ->
    case framing:encode(datagram, Message) of
        {error, Error} -> {failed, ["stdin: ", framing:describe(Error)]};
        Datagram ->
            case gen_udp:send(Socket, Datagram) of
                ok -> ok;
                {error, Reason} -> {failed, ["cannot send: ", inet:format_error(Reason)]}
            end
    end.

loop(#exchange{input = ended, sent = Sent, received = Received}) when Received >= Sent ->
    halt(0);
loop(Exchange = #exchange{socket = Socket, output = Output, sent = Sent, received = Received}) ->
    receive
        {udp, Socket, _Address, _Port, Message} ->
            write(Message, Output),  % blocks while stdout is not read
            inet:setopts(Socket, [{active, once}]),
            loop(Exchange#exchange{received = Received + 1});
        {udp_error, Socket, Reason} -> fail(["connection lost: ", inet:format_error(Reason)]);
        sending -> loop(Exchange#exchange{sent = Sent + 1});
        waiting -> loop(Exchange);
        input_ended -> loop(Exchange#exchange{input = ended});
        {input_failed, Reason} -> fail(Reason);
        {'EXIT', Output, Reason} -> fail(io_lib:format("cannot write to stdout: ~p", [Reason]));
        {'EXIT', _Input, normal} -> loop(Exchange);
        {'EXIT', _Input, Reason} -> fail(io_lib:format("cannot read stdin: ~p", [Reason]))
    after patience(Exchange) ->
        halt(0)
    end.

patience(#exchange{input = open}) -> infinity;
patience(#exchange{input = ended, wait = Wait}) -> Wait.

write(Message, Output) ->
    try port_command(Output, framing:encode(u32be, Message))
    catch error:badarg -> fail("cannot write to stdout")
    end.

fail(Reason) ->
    command_line:fail("client", Reason).
