%% The client: a netcat for messages. This process receives; a second one sends, so it reads while it writes.
-module(mutant_client).
-export([start/0]).

-define(CONNECT_MS, 10000).
-define(SILENCE_MS, 10000).  % without a byte in either direction, when it is the server's turn
-define(PIECE, 65536).  % bytes handed to the system at once: a number, for a binary pattern

-record(state, {switch, socket, output, decoder, sent = 0, received = 0, input = waiting}).

start() ->
    error_logger:tty(false),
    os:set_signal(sigterm, default),
    Switch = mutant_bugs:switch(),
    spawn(fun() -> run(Switch, init:get_plain_arguments()) end).

run(Switch, [Host, Port]) ->
    process_flag(trap_exit, true),
    Options = [binary, {active, false}, {nodelay, true}, {buffer, 65536}, {show_econnreset, true}
               | mutant_bugs:wire(Switch)],
    case gen_tcp:connect(Host, list_to_integer(Port), Options, ?CONNECT_MS) of
        {ok, Socket} ->
            mutant_bugs:connected(Switch),
            Owner = self(),
            spawn_link(fun() -> send_input(Switch, Socket, Owner) end),
            State = #state{switch = Switch, socket = Socket, decoder = mutant_frames:new(Switch),
                           output = open_port({fd, 0, 1}, [out, binary])},
            receive_next(State);
        {error, Reason} ->
            fail(Switch, ["cannot connect: ", inet:format_error(Reason)])
    end.

%% The second process: stdin, which always speaks the contract's framing, to the server.
send_input(Switch, Socket, Owner) ->
    Port = open_port({fd, 0, 1}, [in, binary, stream, eof]),
    Owner ! copy(Switch, Port, Socket, mutant_frames:new(none), Owner),
    gen_tcp:shutdown(Socket, write).

copy(Switch, Port, Socket, Decoder, Owner) ->
    receive
        {Port, {data, Data}} ->
            case mutant_frames:feed(Data, Decoder) of
                {ok, Messages, Rest} ->
                    case send_each(Switch, Messages, Socket, Owner) of
                        ok -> copy(Switch, Port, Socket, Rest, Owner);
                        {error, Reason} -> {input_failed, ["cannot send: ", inet:format_error(Reason)]}
                    end;
                {too_long, Messages, _} ->
                    send_each(Switch, Messages, Socket, Owner),
                    {input_failed, "stdin: frame too long"}
            end;
        {Port, eof} ->
            case mutant_frames:is_between(Decoder) of
                true -> input_ended;
                false -> {input_failed, "stdin ended inside a frame"}
            end
    end.

send_each(_Switch, [], _Socket, Owner) ->
    Owner ! waiting,
    ok;
send_each(Switch, [Message | Messages], Socket, Owner) ->
    Owner ! sending,
    case send(mutant_bugs:wire(Switch), iolist_to_binary(mutant_frames:encode(Switch, Message)), Socket, Owner) of
        ok -> send_each(Switch, Messages, Socket, Owner);
        Error -> Error
    end.

send([{packet, raw}] = Wire, <<Piece:?PIECE/binary, Rest/binary>>, Socket, Owner) ->
    case gen_tcp:send(Socket, Piece) of
        ok -> Owner ! taken, send(Wire, Rest, Socket, Owner);
        Error -> Error
    end;
send(_Wire, Last, Socket, _Owner) ->
    gen_tcp:send(Socket, Last).

receive_next(State = #state{socket = Socket}) ->
    case inet:setopts(Socket, [{active, once}]) of
        ok -> ok;
        {error, _ClosedAlready} -> self() ! {tcp_closed, Socket}
    end,
    loop(State).

loop(State = #state{switch = Switch, socket = Socket, output = Output, sent = Sent}) ->
    receive
        {tcp, Socket, Data} -> receive_next(deliver(Data, State));
        {tcp_closed, Socket} -> server_ended(State);
        {tcp_error, Socket, Reason} -> fail(Switch, ["connection lost: ", inet:format_error(Reason)]);
        sending -> loop(State#state{input = sending, sent = Sent + 1});
        taken -> loop(State);
        waiting -> loop(State#state{input = waiting});
        input_ended -> loop(State#state{input = ended});
        {input_failed, Reason} -> loop(State#state{input = {failed, Reason}});
        {'EXIT', Output, _Reason} -> fail(Switch, "cannot write to stdout");
        {'EXIT', _Input, normal} -> loop(State);
        {'EXIT', _Input, Reason} -> fail(Switch, io_lib:format("cannot read stdin: ~p", [Reason]))
    after patience(State) ->
        fail(Switch, "the server was silent")
    end.

patience(#state{input = waiting}) -> infinity;
patience(_ServersTurn) -> ?SILENCE_MS.

deliver(Data, State = #state{switch = Switch, decoder = Decoder, output = Output, received = Received}) ->
    {Result, Messages, Rest} = mutant_frames:feed(Data, Decoder),
    [port_command(Output, mutant_frames:encode(none, Message)) || Message <- Messages],
    case Result of
        ok -> State#state{decoder = Rest, received = Received + length(Messages)};
        too_long -> fail(Switch, "from the server: frame too long")
    end.

%% That was too early if answers are missing, or if stdin was not to be understood.
server_ended(#state{switch = Switch, decoder = Decoder, sent = Sent, received = Received, input = Input}) ->
    case {mutant_frames:is_between(Decoder), Input} of
        {false, _} -> fail(Switch, "the server's stream ended inside a frame");
        {true, {failed, Reason}} -> fail(Switch, Reason);
        {true, ended} -> exit_with(Switch, 0);
        {true, _} when Received < Sent -> fail(Switch, "the server closed the connection, answers are missing");
        {true, _} -> exit_with(Switch, 0)
    end.

fail(Switch, Reason) ->
    io:format(standard_error, "client: ~s~n", [Reason]),
    exit_with(Switch, 1).

exit_with(Switch, Status) ->
    halt(mutant_bugs:exit_status(Switch, Status)).
