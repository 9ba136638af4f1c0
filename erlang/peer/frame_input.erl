%% stdin of the client, as messages that are sent to the server at once.
%%
%% A process of its own: it blocks in gen_tcp:send/2 while the server does not read, and the client goes on receiving. It reports
%% to its owner: `sending` before each message, `taken` behind a piece of one, `waiting` before it waits for stdin, and in the end
%% `input_ended` or {input_failed, Reason}. The owner decides how long the server may take.
%%
%% stdin is a port, since io:get_chars/3 and its like wait for a full buffer or take a message for each line. A port cannot be
%% told to pause, but closing a port on a descriptor leaves the descriptor open. So the port is open only while a chunk is waited
%% for: what is not read stays in the pipe, and holds its writer back (P10).
-module(frame_input).
-export([start/3]).

-include("limits.hrl").

start(Socket, Decoder, Owner) ->
    spawn_link(fun() ->
        Owner ! copy(Socket, Decoder, Owner),  % before the server can see that it is the end
        half_close(Socket)  % what was sent can still be answered
    end).

%% Returns how it ended.
copy(Socket, Decoder, Owner) ->
    Owner ! waiting,
    case next_chunk() of
        {data, Data} ->
            case send(framing:feed(Data, Decoder), Socket, Owner) of
                {ok, Rest} -> copy(Socket, Rest, Owner);
                {failed, Reason} -> {input_failed, Reason}
            end;
        eof ->
            case framing:finish(Decoder) of
                ok -> input_ended;
                {error, Error} -> {input_failed, about_stdin(Error)}
            end
    end.

next_chunk() ->
    receive
        {_ClosedPort, Chunk} -> Chunk  % read before the port was closed
    after 0 ->
        Port = open_port({fd, 0, 1}, [in, binary, stream, eof]),
        receive
            {Port, Chunk} -> port_close(Port), Chunk
        end
    end.

send({ok, Messages, Rest}, Socket, Owner) ->
    case send_each(Messages, Socket, Owner) of
        ok -> {ok, Rest};
        {error, Reason} -> {failed, ["cannot send: ", inet:format_error(Reason)]}
    end;
send({error, Error, Messages}, Socket, Owner) ->
    send_each(Messages, Socket, Owner),
    {failed, about_stdin(Error)}.

send_each([], _Socket, _Owner) ->
    ok;
send_each([Message | Messages], Socket, Owner) ->
    Owner ! sending,
    case send_pieces(iolist_to_binary(framing:encode(u32be, Message)), Socket, Owner) of
        ok -> send_each(Messages, Socket, Owner);
        Error -> Error
    end.

send_pieces(<<Piece:?SEND_SIZE/binary, Rest/binary>>, Socket, Owner) ->
    case gen_tcp:send(Socket, Piece) of
        ok -> Owner ! taken, send_pieces(Rest, Socket, Owner);
        Error -> Error
    end;
send_pieces(Last, Socket, _Owner) ->
    gen_tcp:send(Socket, Last).

half_close(Socket) ->
    gen_tcp:shutdown(Socket, write).

about_stdin(Error) ->
    ["stdin: ", framing:describe(Error)].
