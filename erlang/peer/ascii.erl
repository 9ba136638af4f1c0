%% ASCII white space and letter case in binaries, whatever else is in them.
-module(ascii).
-export([strip/1, words/1, upper/1]).

-define(IS_WHITE(Byte), (Byte =:= $\s orelse (Byte >= $\t andalso Byte =< $\r))).

%% Without the white space at both ends.
strip(<<Byte, Rest/binary>>) when ?IS_WHITE(Byte) -> strip(Rest);
strip(Text) -> binary:part(Text, 0, end_of_text(Text, byte_size(Text))).

end_of_text(_Text, 0) -> 0;
end_of_text(Text, End) ->
    case binary:at(Text, End - 1) of
        Byte when ?IS_WHITE(Byte) -> end_of_text(Text, End - 1);
        _ -> End
    end.

%% What stands between white space.
words(Text) ->
    binary:split(Text, [<<Byte>> || Byte <- " \t\n\v\f\r"], [global, trim_all]).

upper(Text) ->
    << <<(upper_byte(Byte))>> || <<Byte>> <= Text >>.

upper_byte(Byte) when Byte >= $a, Byte =< $z -> Byte - $a + $A;
upper_byte(Byte) -> Byte.
