%% Hands SIGTERM to a process as the message `stop`, in place of the default handler, which would cut every connection at once
%% and in the middle of a frame.
-module(stop_signal).
-behaviour(gen_event).
-export([send_to/1]).
-export([init/1, handle_event/2, handle_call/2, handle_info/2, terminate/2, code_change/3]).

send_to(Process) ->
    ok = gen_event:swap_handler(erl_signal_server, {erl_signal_handler, []}, {?MODULE, Process}).

init({Process, _TerminatedHandler}) -> {ok, Process}.

handle_event(sigterm, Process) ->
    Process ! stop,
    {ok, Process};
handle_event(_OtherSignal, Process) ->
    {ok, Process}.

handle_call(_Request, Process) -> {ok, ok, Process}.
handle_info(_Message, Process) -> {ok, Process}.
terminate(_Reason, _Process) -> ok.
code_change(_OldVersion, Process, _Extra) -> {ok, Process}.
