%% The mistakes. Each function is one decision of the correct programs: its last clause is the correct one, the clauses before
%% are the mistakes, under the value of MUTANT that switches them on. What each does wrong, in words, and which cases find it:
%% ../mutants.toml.
-module(mutant_bugs).
-export([switch/0]).
-export([wire/1, active/1, exit_on_close/1, work/1, reads/1, link/1, length/2, received/2, connected/1, exit_status/2]).

-define(SWITCHES, ['erl-packet-2', 'erl-packet-4', 'erl-packet-size-of-frame', 'erl-active-true', 'erl-exit-on-close',
                   'erl-recv-is-message', 'erl-linked-to-acceptor', 'erl-length-of-list', 'erl-list-of-characters',
                   'erl-trim', 'erl-one-process', 'erl-io-format', 'erl-halt-zero']).

%% The mistake that the environment asks for; `none` without one.
switch() ->
    Name = os:getenv("MUTANT", ""),
    case [Switch || Switch <- ?SWITCHES, atom_to_list(Switch) =:= Name] of
        [Switch] -> Switch;
        [] when Name =:= "" -> none;
        [] ->
            io:format(standard_error, "MUTANT=~s: no such switch; there are: ~p~n", [Name, ?SWITCHES]),
            halt(2)
    end.

%% Who finds the messages in the stream: our own decoder (raw), or the run-time system.
wire('erl-packet-2') -> [{packet, 2}];
wire('erl-packet-4') -> [{packet, 4}];  % a limit there is none
wire('erl-packet-size-of-frame') -> [{packet, 4}, {packet_size, 65536}];  % a limit, and not the one that was promised
wire(_Correct) -> [{packet, raw}].

%% How much is taken from the socket before it is worked on: one read, or whatever comes.
active('erl-active-true') -> true;
active('erl-exit-on-close') -> true;
active(_Correct) -> once.

%% Whether the client's FIN closes the socket for our answers too. It is so unless one says otherwise.
exit_on_close('erl-exit-on-close') -> true;
exit_on_close(_Correct) -> false.

%% What an answer takes.
work('erl-exit-on-close') -> timer:sleep(1);
work(_Correct) -> ok.

%% What one read is taken for.
reads('erl-recv-is-message') -> message;
reads(_Correct) -> part_of_a_stream.

%% Whom the end of a connection's process concerns.
link('erl-linked-to-acceptor') -> linked;
link('erl-one-process') -> same_process;
link(_Correct) -> none.

%% The length field.
length('erl-length-of-list', Body) ->
    case unicode:characters_to_list(Body) of
        Characters when is_list(Characters) -> erlang:length(Characters);
        _NotText -> byte_size(Body)
    end;
length(_Correct, Body) ->
    byte_size(Body).

%% What is made of a body.
received('erl-list-of-characters', Body) -> unicode:characters_to_binary(binary_to_list(Body));
received('erl-trim', Body) -> re:replace(Body, "^\\s+|\\s+$", "", [global, {return, binary}]);
received(_Correct, Body) -> Body.

%% What the client says when it is connected.
connected('erl-io-format') -> io:format("connected~n");
connected(_Correct) -> ok.

%% The client's exit status.
exit_status('erl-halt-zero', _Status) -> 0;
exit_status(_Correct, Status) -> Status.
