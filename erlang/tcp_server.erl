%% The TCP demo's server: answers every message with the same bytes, on port 9000.
%%
%% From the Erlang shell:       c(tcp_server).   tcp_server:start().
%% From the command line:       erlc tcp_server.erl && erl -noshell -s tcp_server start
%%
%% A message on the wire is its length in bytes (4 bytes, big endian) and then its text in UTF-8.
%%
%% start/0 does not return: the process that calls it, the shell's for one, owns the listening socket and accepts the clients.
%% So nothing that is typed later can crash the owner and close the port; Ctrl+C twice ends it.
%%
%% This is the program that a tutorial ("TCP Socket demo": an Erlang server, a Python client) describes, written anew from that
%% description with the same algorithm. It is kept as the tutorial would have it, flaws included: the harness has to find them.
%% peer/ beside this file holds a server that is right. The flaws:
%%
%% - Any length is believed, up to 4 GiB: no limit, so a client may claim it and fill the memory.
%% - <<Buffer/binary, Data/binary>> copies the whole buffer for every read, since handle_buffer/2 looks into it every time:
%%   quadratic in the message's length.
%% - When the client half-closes, the socket closes as a whole: answers that are still queued are lost, later ones cannot be sent.
%% - It listens on every interface, not on the loopback alone.
%% - A client that stops inside a message is waited for, for ever.
%% - Whatever goes wrong in accept, "too many open files" for one, ends the server with a badmatch; so does a taken port.
%% - When it is stopped, answers on their way end inside a frame.
%% - The port is fixed.
-module(tcp_server).
-export([start/0]).

-define(PORT, 9000).

start() ->
    {ok, ListenSocket} = gen_tcp:listen(?PORT, [binary, {packet, 0}, {active, false}, {reuseaddr, true}]),
    io:format("Server listening on port ~p~n", [?PORT]),
    accept_loop(ListenSocket).

accept_loop(ListenSocket) ->
    {ok, Socket} = gen_tcp:accept(ListenSocket),
    Pid = spawn(fun() -> recv_loop(Socket, <<>>) end),
    gen_tcp:controlling_process(Socket, Pid),
    accept_loop(ListenSocket).

recv_loop(Socket, Buffer) ->
    case gen_tcp:recv(Socket, 0) of
        {ok, Data} ->
            handle_buffer(Socket, <<Buffer/binary, Data/binary>>);
        {error, _Reason} ->
            gen_tcp:close(Socket)
    end.

handle_buffer(Socket, Buffer) when byte_size(Buffer) < 4 ->
    recv_loop(Socket, Buffer);
handle_buffer(Socket, Buffer) ->
    <<Len:32/big, Rest/binary>> = Buffer,
    case byte_size(Rest) >= Len of
        true ->
            <<MsgBin:Len/binary, Left/binary>> = Rest,
            gen_tcp:send(Socket, <<Len:32/big, MsgBin/binary>>),
            handle_buffer(Socket, Left);
        false ->
            %% Half a message: wait for more.
            recv_loop(Socket, Buffer)
    end.
