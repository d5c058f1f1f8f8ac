%% Records how Erlang/OTP writes terms, and what it takes text for. Run with OTP 27:
%%
%%     erlc record_text.erl && erl +pc unicode -noshell -s record_text main text.etf -s init stop
%%
%% The file is one compressed term, {Release, Printed, Layouts, Read}:
%%   Printed   a list of {Encoding, Text, Plain}: the term as ~0ktp and as ~ktw print it
%%   Layouts   a list of {Encoding, Text}: as ~tp prints it within narrow lines
%%   Read      a list of {Text, Encoding}, or of {Text, error} where OTP refuses the text
-module(record_text).
-export([main/1]).

main([File]) ->
    unicode = io:printable_range(),
    rand:seed(exsss, {27, 5, 1998}),
    Printed = [{term_to_binary(T), text("~0ktp", T), text("~ktw", T)}
               || T <- floats() ++ characters() ++ words() ++ others() ++ shapes()],
    Layouts = [{term_to_binary(T), text(Format, T)}
               || T <- shapes() ++ [wide()],
                  Format <- ["~tp", "~12tp", "~30tp", "~30p", "~1tp", "~p"]],
    Read = [{unicode:characters_to_binary(S), read(S)} || S <- sources()],
    Out = {list_to_binary(erlang:system_info(otp_release)), Printed, Layouts, Read},
    ok = file:write_file(atom_to_list(File), term_to_binary(Out, [{compressed, 9}])).

text(Format, Term) -> unicode:characters_to_binary(io_lib:format(Format, [Term])).

read(Source) ->
    try
        {ok, Tokens, _} = erl_scan:string(Source ++ "\n."),
        {ok, [Expr]} = erl_parse:parse_exprs(Tokens),
        {value, Value, _} = erl_eval:expr(Expr, []),
        term_to_binary(Value)
    catch
        _:_ -> error
    end.

floats() ->
    Whole = [(1 bsl 53) + D || D <- lists:seq(-9, 9)],
    Tens = [list_to_float("1.0e" ++ integer_to_list(E)) || E <- lists:seq(-307, 308)],
    Twos = [math:pow(2.0, E) || E <- lists:seq(-1074, 1023, 7)] ++ [math:pow(2.0, -24)],
    Short = [short() || _ <- lists:seq(1, 600)],
    Ties = [F || F <- [(rand:uniform(1 bsl 53) - 1) / D || D <- [4, 8, 16, 32], _ <- lists:seq(1, 99)]],
    Any = [F || B <- [rand:uniform(1 bsl 64) - 1 || _ <- lists:seq(1, 400)], <<F/float>> <- [<<B:64>>]],
    [0.0, -0.0, 5.0e-324, 2.2250738585072014e-308, 1.7976931348623157e308]
        ++ [float(W) || W <- Whole] ++ Tens ++ Twos ++ Short ++ [-F || F <- lists:sublist(Short, 20)]
        ++ Ties ++ Any.

%% Few digits around the points at which exponents begin.
short() ->
    Digits = rand:uniform(trunc(math:pow(10, rand:uniform(17)))),
    list_to_float(integer_to_list(Digits) ++ ".0e" ++ integer_to_list(rand:uniform(44) - 24)).

%% Every Latin-1 character and some others as atoms, strings and binaries of either encoding.
characters() ->
    Beyond = [256, 960, 16#7ff, 16#800, 16#200b, 16#20ac, 16#d7ff, 16#e000, 16#fffd, 16#fffe, 16#ffff,
              16#10000, 16#1f600, 16#10ffff],
    lists:append([[list_to_atom([C]), list_to_atom([$a, C])] || C <- lists:seq(0, 255) ++ Beyond])
        ++ lists:append([[[C], [$a, C], <<C>>, <<"a", C>>] || C <- lists:seq(0, 255)])
        ++ lists:append([[<<C/utf8>>, <<"a", C/utf8>>] || C <- lists:seq(128, 255) ++ Beyond]).

words() ->
    [list_to_atom(W) || W <-
        ["", "after", "and", "andalso", "band", "begin", "bnot", "bor", "bsl", "bsr", "bxor", "case",
         "catch", "cond", "div", "else", "end", "fun", "if", "let", "maybe", "not", "of", "or",
         "orelse", "receive", "rem", "try", "when", "xor", "spec", "query", "module", "record", "true",
         "hello world", "Upper", "_x", "a.b", "a@b", "$1", "it's", "a\"b", "a\\b", "1a", "-", "[]",
         lists:duplicate(255, $x)]].

others() ->
    [0, 1, -1, 255, 1 bsl 59, -(1 bsl 59), (1 bsl 59) - 1, 1 bsl 63, -(1 bsl 63), 1 bsl 64, 1 bsl 100,
     -(1 bsl 3000), <<>>, <<1:1>>, <<1, 2:3>>, <<"ab", 5:7>>, <<0:9>>, <<255, 0:1>>, <<"Gr", 252, "n">>,
     <<226, 130>>, <<"abc", 0>>, <<"\"\\'\n">>, "\"\\'\n", fun lists:map/2, fun 'A':'b c'/255,
     pid(84, 7), pid(16#ffffff, 0), port(5), port(1 bsl 40), ref([1, 2, 3]), ref([1]), ref([7, 8]),
     ref([0, 16#ffffffff, 16#ffffffff]), closure(3, 55), closure(0, 16#7ffffff)].

shapes() ->
    [{}, {a}, {a, b}, {{}, {[]}}, [], [[]], [[], []], [a | b], [a, b | c], [97 | b], [97, 98 | c],
     ["abc", 97], [97, "b"], ["a" | "b"], [[97] | a], [1, 2, 3], [-1], [1.0], #{}, #{a => 1}, #{1 => #{}},
     #{b => 1, a => 2, c => 3}, #{2 => b, 1.0 => a, -0.0 => c, 0.0 => d, 1 => e}, #{#{a => 1} => [#{}]},
     #{{1.0} => a, {2} => b, [1.5] => c, [2] => d, <<1>> => e, #{1.0 => 2} => f, #{2 => 1} => g},
     #{"abc" => <<"abc">>, <<1:1>> => {"é", 'é', <<"é"/utf8>>, <<"é">>}},
     maps:from_list([{I, [I]} || I <- lists:seq(1, 40)]), list_to_tuple(lists:seq(1, 60)),
     [{user, I, <<"ann">>, "tag", #{at => I * 0.5}} || I <- lists:seq(1, 9)],
     {lists:seq(1, 60), lists:duplicate(60, $x), binary:copy(<<"long text ">>, 20)},
     lists:foldl(fun(I, T) -> {I, [T | x], #{T => <<"y">>}} end, nothing, lists:seq(1, 6))].

wide() ->
    [#{name => <<"a rather long name, with commas">>, 'Other Name' => "and a \"quoted\" string",
       <<"binary">> => [1.5, -2.0e30, 1 bsl 80], list => [a, b | c], bits => <<1, 2, 3:5>>},
     binary:copy(<<255, 0>>, 60), {'é', "é" ++ lists:duplicate(70, $-)}].

pid(Id, Serial) -> binary_to_term(<<131, 88, (atom())/binary, Id:32, Serial:32, 0:32>>).

port(Id) -> binary_to_term(<<131, 120, (atom())/binary, Id:64, 0:32>>).

ref(Ids) -> binary_to_term(<<131, 90, (length(Ids)):16, (atom())/binary, 0:32, << <<I:32>> || I <- Ids >>/binary>>).

closure(Index, OldUniq) ->
    Part = fun(T) -> <<131, Rest/binary>> = term_to_binary(T), Rest end,
    Body = <<1, 77:128, Index:32, 0:32, (Part('my mod'))/binary, (Part(Index))/binary,
             (Part(OldUniq))/binary, (Part(pid(1, 0)))/binary>>,
    binary_to_term(<<131, 112, (byte_size(Body) + 4):32, Body/binary>>).

atom() -> <<119, 13, "nonode@nohost">>.

sources() ->
    strings() ++ numbers() ++ bitstrings() ++
        ["#{a => 1, a => 2}", "#{a := 1}", "#{ a=>1 , b=>2 }", "#{a}", "#{a=>}", "#{,}", "# {a => 1}", "#",
         "[a|b|c]", "[|b]", "[a,]", "{a,}", "[1|2,3]", "[a|[b]]", "[a|[b|[]]]", "[,]", "[a b]", "{a b}",
         "[", "{", "]", "}", "", " ", "[}", "{]", "[a", "{a", "[a|", "[a|b", "[[[", "[[]", "a b", "a, b",
         "and", "fun", "'and'", "'fun'", "fun_", "A", "_", "Abc", "a@b", "é", "É", "ω", "'ω'", "aB_9@",
         "'a' 'b'", "''", "'a\nb'", "'\\x{41}'", "'\\''", "'\"'", "'a", "fun lists:map/2",
         "fun 'A':'b c'/3", "fun a:b/256", "fun a:b/-1", "fun a : b / 1", "fun\na:b/1", "fun a:b", "fun a/1",
         "% comment\n1", "[1, % comment ]\n 2]", "1 % comment", "%", "?x", "#r{}", "a:b", "1 + ", "=>", "|",
         "\t{\r\n1\f}\v", "a. b", "!", "&", "(", ")", "{1,\x{a0}2}", "^", "/", "*", "..", ":", ";", "=", "<",
         ">", "@", "@a", "\\", "`", "$", "~", "[a|]", "[a|b,]", "#{a=>1|b}", "<<", ">>", "#{a=>1", "#{a",
         "#{a=>1,}", "#{a=>1,b}"].

strings() ->
    [[Q] ++ S ++ [Q] || Q <- "\"'", S <-
        ["\\b\\d\\e\\f\\n\\r\\s\\t\\v", "\\0\\12\\123\\1234\\8\\9", "\\377\\400", "\\x41\\x{41}\\x{20AC}",
         "\\x4", "\\x", "\\xg", "\\x{}", "\\x{g}", "\\x{41", "\\x{d800}", "\\x{110000}", "\\x{10ffff}",
         "\\^a\\^A\\^@\\^[\\^?\\^z\\^_", "\\^~", "\\^1", "\\^é", "\\q\\\"\\'\\\\\\a\\c", "\\\nx", "\n", "\t",
         "é€", "\\", "%", "", " ", "\\é\\€", "\\7x", "\\78"]]
    ++ ["\"a\" \"b\"", "\"\" \"\"", "\"a\" % x\n\"b\"", "\"a\"\n\t\"b\" \"c\"", "\"a", "\"a\" b", "[\"a\" \"b\"]",
        "~\"é\"", "~\"a\\n\"", "$a", "$\\n", "$\\s", "$ ", "$\n", "$\\x{41}", "$\\^a", "$'", "$\\'", "$\"",
        "$\\\"", "$\\\\", "$é", "$€", "[$a,$b]", "$\\101", "[$ ,$,]", "$aa", "$\\d", "$$", "$%", "-$a"].

numbers() ->
    ["0", "-0", "00012", "1_000", "1__0", "1_", "_1", "1_000_000_000_000_000_000_000", "16#ff", "16#FF_FF",
     "16#", "16#fg", "16#_f", "16#f_", "37#1", "1#0", "2#102", "2#101", "36#Zz", "16_0#1", "1_6#ff", "0#1",
     "-16#ff", "+16#ff", "16#ffffffffffffffffffff", "16 #ff", "16# ff", "10#10", "8#777",
     "1.5", "1.5e3", "1.5E+3", "1.5e-3", "1.5e", "1.5e+", "1.e3", "1e3", "1.", "1. ", "1_0.0_1e1_0",
     "1.0e400", "-1.0e400", "1.0e-400", "1.0_", "1._0", "1.0e_1", "1.0e1_", "01.50", ".5", "-0.0", "1.0e+05",
     "1.7976931348623157e308", "1.7976931348623159e308", "4.9e-324", "2.0e-324", "0.1e0", "1.5e3e3", "1.5.5",
     "123456789012345678901234567890.0", "0.000000000000000000000000000000000000000000001",
     "-1", "- 1", "-\n1", "+1", "--1", "-+1", "- 1.0", "-a", "-", "+", "-[]", "-\"a\"", "- % c\n 1",
     "576460752303423488", "-576460752303423489", "9223372036854775807", "9223372036854775808",
     "-9223372036854775808", "-9223372036854775809", "18446744073709551616", "[-1]", "[1,-1]", "{+1}"].

bitstrings() ->
    ["<<" ++ S ++ ">>" || S <-
        ["", " ", "1", "1,2,3", " 1 , 2 ", "256", "-1", "-257", "1:0", "1,2:3", "-1:12", "16#abc:12",
         "1:16/little", "1:12/little", "16#abc:12/little", "16#12345:20/little", "-1:20/little", "5:3,5:5,1:1",
         "5:3,16#1234:16", "5:3,16#1234:16/little", "5:3,\"abc\"", "5:3,1.5/float", "1:100", "-1:100",
         "(1 bsl 70):80", "1267650600228229401496703205376:104", "1180591620717411303424",
         "1.5/float", "1.5:32/float", "1.5:64/float-little", "1/float", "1.5", "1.5:7/float", "-1.5/float",
         "1.0e300:64/float", "0.1:32/float", "\"abc\"", "\"é\"", "\"é\"/utf8", "\"€\"/utf8", "8364/utf8",
         "16#d800/utf8", "-1/utf8", "\"ab\":16", "\"ab\":4", "\"ab\"/little-integer", "\"ab\":16/little",
         "\"a\" \"b\"", "\"\"", "\"\"/utf8", "\"a\",\"b\"", "$a", "$a,$b:16", "$€/utf8", "+1", "a", "[]", "{}",
         "1:16#10", "1:-1", "1:a", "1:", "1/", "1/x", "1:8/integer-unsigned-big", "1:8/signed", "1,", ",1",
         "1 2", "\"abc\":8/utf8", "1e3", "\"a\"/binary", "1.5/utf8", "1:8 / integer", "1 : 8", "% c\n1",
         "1/integer-float", "<<1>>"]]
    ++ ["<<1>", "<<1", "<<", "<< <<1>> >>", "<1>>", "<<1>>>>", "<<\"a", "<<1:", "<<1/", "<<1/utf", "< <1>>"].
