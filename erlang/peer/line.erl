%% The framing line: the message, then LF. ASCII white space around it is stripped on receipt, and a line of nothing else is no
%% message.
-module(line).
-behaviour(framing).
-export([encode/1, split/2, last/1, longest/1]).

-define(LF, <<"\n">>).

encode(<<>>) ->
    {error, {not_carried, "a line cannot be empty"}};
encode(Message) ->
    case {binary:match(Message, ?LF), ascii:strip(Message)} of
        {nomatch, Message} -> [Message, ?LF];
        {nomatch, _Shorter} -> {error, {not_carried, "a line cannot begin or end with white space"}};
        {_Found, _} -> {error, {not_carried, "a line cannot hold a line feed"}}
    end.

split(Buffer, MaxFrame) ->
    Searched = min(byte_size(Buffer), MaxFrame + 1),
    case binary:match(Buffer, ?LF, [{scope, {0, Searched}}]) of
        {End, 1} ->
            <<Line:End/binary, _LF, Rest/binary>> = Buffer,
            case ascii:strip(Line) of
                <<>> -> {skip, Rest};
                Message -> {message, Message, Rest}
            end;
        nomatch when Searched > MaxFrame ->
            {error, {too_long, Searched, MaxFrame}};  % not waiting for the LF
        nomatch ->
            {find, ?LF, MaxFrame + 1}
    end.

last(Buffer) ->
    case ascii:strip(Buffer) of
        <<>> -> nothing;
        _PartOfLine -> {error, {truncated_line, byte_size(Buffer)}}
    end.

longest(MaxFrame) ->
    MaxFrame.
