%% stdin of the client, as messages that are handed on at once.
%%
%% A process of its own: it blocks in Send while the server does not read, and the client goes on receiving. It reports to its
%% owner: `sending` before each message, `waiting` before it waits for stdin, and in the end `input_ended` or
%% {input_failed, Reason}. The owner decides how long the server may take.
%%
%% stdin is a port, since io:get_chars/3 and its like wait for a full buffer or take a message for each line. A port cannot be
%% told to pause, but closing a port on a descriptor leaves the descriptor open. So the port is open only while a chunk is waited
%% for: what is not read stays in the pipe, and holds its writer back (P10).
-module(frame_input).
-export([start/4]).

%% Longest: of a message, in bytes. Send: a function of a message and of how many went before it, ok or {failed, Reason}. Done:
%% called behind the end of stdin, whatever it was like.
start(Longest, Send, Done, Owner) ->
    spawn_link(fun() ->
        Owner ! copy(framing:new(u32be, Longest), Send, 0, Owner),  % before the server can see that it is the end
        Done()
    end).

%% Returns how it ended.
copy(Decoder, Send, Sent, Owner) ->
    Owner ! waiting,
    case next_chunk() of
        {data, Data} ->
            case send(framing:feed(Data, Decoder), Send, Sent, Owner) of
                {ok, Rest, NowSent} -> copy(Rest, Send, NowSent, Owner);
                {failed, Reason} -> {input_failed, Reason}
            end;
        eof ->
            case framing:finish(Decoder) of
                {ok, []} -> input_ended;
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

send({ok, Messages, Rest}, Send, Sent, Owner) ->
    case send_each(Messages, Send, Sent, Owner) of
        {ok, NowSent} -> {ok, Rest, NowSent};
        {failed, Reason} -> {failed, Reason}
    end;
send({error, Error, Messages}, Send, Sent, Owner) ->
    send_each(Messages, Send, Sent, Owner),
    {failed, about_stdin(Error)}.

send_each([], _Send, Sent, _Owner) ->
    {ok, Sent};
send_each([Message | Messages], Send, Sent, Owner) ->
    Owner ! sending,
    case Send(Message, Sent) of
        ok -> send_each(Messages, Send, Sent + 1, Owner);
        {failed, Reason} -> {failed, Reason}
    end.

about_stdin(Error) ->
    ["stdin: ", framing:describe(Error)].
