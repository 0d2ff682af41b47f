/* Values as HAProxy 2.6 gave them for the same expressions, wherever it was given the same facts.
 */
#include "tests/unit/core/expr_world.h"

static const struct {
	const char *expression;
	const char *text; /* NULL: no value */
} rows[] = {
	{ "str(abc),length", "3" },
	{ "src,length", "9" },
	{ "int(512),length", "3" },
	{ "bool(1),length", "1" },
	{ "str(-5),add(3)", "-2" },
	{ "str(abc),add(1)", "1" },
	{ "str(12abc),add(1)", "13" },
	{ "str(0x10),add(1)", "1" },
	{ "str(),add(1)", NULL },
	{ "`str(\" 5\"),add(1)`", "1" },
	{ "str(+5),add(1)", "6" },
	{ "str(5.5),add(1)", "6" },
	{ "src,add(1)", "2130706434" },
	{ "str(abcdef),bytes(1)", "bcdef" },
	{ "str(abcdef),bytes(1,2)", "bc" },
	{ "str(abcdef),bytes(6)", NULL },
	{ "str(abcdef),bytes(7)", NULL },
	{ "str(abcdef),bytes(1,100)", "bcdef" },
	{ "str(abcdef),bytes(-1)", NULL },
	{ "str(abcdef),bytes(1,-1)", "bcdef" },
	{ "str(f1_f2_f3__f5),field(5,_)", "f5" },
	{ "str(f1_f2_f3__f5),field(4,_),length", "0" },
	{ "str(f1_f2_f3__f5),field(6,_)", NULL },
	{ "str(f1_f2_f3__f5),field(2,_,0)", "f2_f3__f5" },
	{ "str(f1_f2_f3__f5),field(2,_,2)", "f2_f3" },
	{ "str(f1_f2_f3__f5),field(-2,_,3)", "f2_f3_" },
	{ "str(f1_f2_f3__f5),field(-3,_,0)", "f1_f2_f3" },
	{ "str(f1_f2_f3__f5),field(-9,_,0)", NULL },
	{ "str(f1_f2_f3__f5),field(1,_,9)", "f1_f2_f3__f5" },
	{ "str(f1_f2_f3__f5),word(4,_)", "f5" },
	{ "str(f1_f2_f3__f5),word(2,_,0)", "f2_f3__f5" },
	{ "str(f1_f2_f3__f5),word(3,_,2)", "f3__f5" },
	{ "str(f1_f2_f3__f5),word(-2,_,3)", "f1_f2_f3" },
	{ "str(f1_f2_f3__f5),word(-3,_,0)", "f1_f2" },
	{ "str(/f1/f2/f3/f4),word(1,/)", "f1" },
	{ "str(/f1/f2/f3/f4),word(9,/)", NULL },
	{ "str(//f1//f2//),word(2,/)", "f2" },
	{ "str(//f1//f2//),word(-1,/)", "f2" },
	{ "str(//f1//f2//),word(1,/,0)", "f1//f2//" },
	{ "str(//f1//f2//),word(-1,/,0)", "//f1//f2" },
	{ "str(a:b;c),field(2,:;)", "b" },
	{ "str(),field(1,:),length", "0" },
	{ "str(abc),field(2,:)", NULL },
	{ "str(true),iif(y,n)", "n" },
	{ "str(1),iif(y,n)", "y" },
	{ "str(0),iif(y,n)", "n" },
	{ "int(3),iif(y,n)", "y" },
	{ "bool(1),iif(y,n)", "y" },
	{ "bool(0)", "0" },
	{ "bool(TRUE)", "1" },
	{ "bool(0),hex", "0000000000000000" },
	{ "int(255),hex", "00000000000000FF" },
	{ "src,hex", "7F000001" },
	{ "str(abc),base64", "YWJj" },
	{ "str(abcd),base64", "YWJjZA==" },
	{ "str(YWJj),b64dec", "abc" },
	{ "str(YW),b64dec", NULL },
	{ "str(Y!),b64dec", NULL },
	{ "src,ipmask(8)", "127.0.0.0" },
	{ "str(10.1.2.3),ipmask(16)", "10.1.0.0" },
	{ "str(2001:db8:1::1),ipmask(16)", NULL },
	{ "str(2001:db8:1::1),ipmask(16,32)", "2001:db8::" },
	{ "str(abc),ipmask(8)", NULL },
	{ "ipv4(10.1.2.3),ipmask(255.255.0.0)", "10.1.0.0" },
	{ "ipv6(::ffff:1.2.3.4),ipmask(8)", "1.0.0.0" },
	{ "ipv6(::ffff:1.2.3.4),ipmask(8,64)", "1.0.0.0" },
	{ "int(5),ipmask(32,8)", "0.0.0.5" },
	{ "int(10),div(0)", "9223372036854775807" },
	{ "int(10),mod(0)", "0" },
	{ "int(-10),div(3)", "-3" },
	{ "int(-10),mod(3)", "-1" },
	{ "int(9223372036854775807),mul(2)", "9223372036854775807" },
	{ "int(9223372036854775807),mul(-2)", "-9223372036854775808" },
	{ "int(9223372036854775807),add(1)", "9223372036854775807" },
	{ "int(-9223372036854775807),sub(5)", "-9223372036854775808" },
	{ "int(5),neg", "-5" },
	{ "int(5),cpl", "-6" },
	{ "int(5),even", "0" },
	{ "int(5),odd", "1" },
	{ "int(5),not", "0" },
	{ "int(0),not", "1" },
	{ "int(5),bool", "1" },
	{ "int(12),and(10)", "8" },
	{ "int(12),or(3)", "15" },
	{ "int(12),xor(10)", "6" },
	{ "int(5),add(txn.n)", "12" },
	{ "int(5),add(txn.s)", "5" },
	{ "int(5),add(txn.none)", NULL },
	{ "str(abd),strcmp(txn.s)", "1" },
	{ "str(ab),strcmp(txn.s)", "-1" },
	{ "str(abc),strcmp(txn.s)", "0" },
	{ "str(abc),strcmp(txn.none)", NULL },
	{ "str(abc),strcmp(txn.n)", "42" },
	{ "str(abc),crc32", "891568578" },
	{ "str(abc),crc32c", "910901175" },
	{ "str(abc),djb2", "193485963" },
	{ "str(abc),sdbm", "807794786" },
	{ "str(abc),xxh32", "852579327" },
	{ "str(abc),xxh3(5)", "6167986026487092235" },
	{ "str(abc),sha1,hex", "A9993E364706816ABA3E25717850C26C9CD0D89D" },
	{ "str(ff),hex2i", "255" },
	{ "str(fg),hex2i", NULL },
	{ "str(a),concat(b,txn.s,c)", "ababcc" },
	{ "str(a),concat(b)", "ab" },
	{ "str(a),concat(,txn.none,c)", "ac" },
	{ "str(a),concat(,txn.ip)", "a10.1.2.3" },
	{ "str(a),add_item(-,txn.s,x)", "a-abcx" },
	{ "str(),add_item(-,txn.s,x)", "abcx" },
	{ "str(a),add_item(-,txn.none)", "a" },
	{ "`str(\"  ab  \"),ltrim(\" \")`", "ab  " },
	{ "`str(\"  ab  \"),rtrim(\" \"),length`", "4" },
	{ "str(xxabxx),ltrim(x),rtrim(x)", "ab" },
	{ "src,upper", "127.0.0.1" },
	{ "str(AbC),lower", "abc" },
	{ "str(AbC),upper", "ABC" },
	{ "str(a%20b+c?d+e),url_dec", "a b+c?d e" },
	{ "str(a%20b+c),url_dec(1)", "a b c" },
	{ "str(a%zzb),url_dec", NULL },
	{ "str(a%4),url_dec", NULL },
	{ "str(a/b?"
	  ">),ub64enc",
	  "YS9iPz4" },
	{ "str(YS9iPz4),ub64dec", "a/b?"
				  ">" },
	{ "`str(\"a,b\")`", "a,b" },
	{ "`str(\"a)b\"),length`", "3" },
	{ "str(\"a\"\"b\")", "ab" },
	{ "str('a,b')", "a,b" },
	{ "str(\"a\\\"b\")", "a\"b" },
	{ "str(a\\\\b)", "a\\b" },
	{ "str(a\\tb)", "a\tb" },
	{ "str(a\\bb)", "a\\bb" },
	{ "str(\"a\\nb\"),hex", "610A62" },
	{ "str('a\\nb'),hex", "615C6E62" },
	{ "`str(a\\ b)`", "a b" },
	{ "`str( a )`", " a " },
	{ "bin(414243)", "ABC" },
	{ "bin(410042),length", "1" },
	{ "bin(ff),lower,hex", "FF" },
	{ "req.len", "17" },
	{ "req.len,sub(1)", "16" },
	{ "req.payload(0,5)", "hello" },
	{ "req.payload(6,5)", "world" },
	{ "req.payload(6,0)", "world line2" },
	{ "req.payload(0,100)", NULL },
	{ "req.payload(18,0)", NULL },
	{ "req.payload(0,5),length", "5" },
	{ "req.payload(0,5) upper", "HELLO" },
	{ "req.payload(0,5), upper", "HELLO" },
	{ "str(a),", "a" },
	{ "str(a),,upper", "A" },
	{ "var(txn.s)", "abc" },
	{ "var(txn.none)", NULL },
	{ "var(txn.none,def)", "def" },
	{ "var(txn.n),add(1)", "8" },
	{ "var(txn.ip),ipmask(8)", "10.0.0.0" },
	{ "always_true", "1" },
	{ "int(010)", "10" },
	{ "fe_name", "mqtt" },
	{ "fe_id", "2" },
	{ "be_name", NULL },
	{ "dst", "192.0.2.1" },
	{ "dst_port", "1883" },
	{ "fc_rcvd_proxy", "0" },
	{ "ssl_fc,iif(a,b)", "a" },
	{ "ssl_fc_sni", "Tenant-B.example.test" },
	{ "ssl_fc_alpn", NULL },
	{ "ssl_c_used", "1" },
	{ "ssl_c_verify", "0" },
	{ "ssl_c_s_dn", "/O=Example/OU=Sensors/OU=Lab/CN=device-0001" },
	{ "ssl_c_s_dn(cn)", "device-0001" },
	{ "ssl_c_s_dn(ou,2)", "Lab" },
	{ "ssl_c_s_dn(ou,-2)", "Sensors" },
	{ "ssl_c_s_dn(ou,3)", NULL },
	{ "ssl_c_s_dn(,0,rfc2253)", "CN=device-0001,OU=Lab,OU=Sensors,O=Example" },
	{ "rand(1)", "0" },
	{ "uuid", "01234567-89ab-4def-8123-456789abcdef" },
	{ "date", "1795334044" },
	{ "date(1)", "1795334045" },
	{ "date(0,ms)", "1795334044955" },
	{ "str(true),bool", "0" },
	{ "str(false),not", "1" },
	{ "bool(1),add(5)", "6" },
	{ "ipv4(1.2.3.4),bytes(0,2),hex", "0102" },
	{ "int(258),bytes(6),hex", "0102" },
	{ "int(-1),htonl,hex", "FFFFFFFF" },
	{ "nbsrv(be)", "2" },
	{ "nbsrv(nope)", NULL },
	{ "str(be),nbsrv", "2" },
	{ "srv_conn(be/s1)", "4" },
	{ "srv_is_up(s1)", "1" },
	{ "var(txn.usher.tenant),table_conn_cur(usher_tenants)", "3" },
	{ "str(nobody),table_conn_cur(usher_tenants)", "0" },
	{ "var(txn.usher.tenant),in_table(usher_tenants)", "1" },
	{ "var(txn.usher.tenant),table_conn_cur(usher_tenants),sub(txn.usher.max)", "1" },
	{ "src_conn_cur(usher_tenants)", "5" },
	{ "sc1_conn_cur,sub(txn.usher.max)", "1" },
	{ "sc_conn_cur(1)", "3" },
	{ "sc0_conn_cur", NULL },
	{ "sc1_tracked", "1" },
	{ "sc0_tracked", "0" },
	{ "sc1_get_gpc0", "9" },
};

START_TEST(expression_has_a_value)
{
	struct expr_context x = world_context();
	char what[EXPR_ERROR];
	struct sample s;
	struct line l;
	struct expr e;
	size_t used;
	bool found;

	line_cut(&l, rows[_i].expression);
	ck_assert_msg(expr_compile(&e, l.words, l.n, &used, what) == EXPR_OK, "%s: %s",
		      rows[_i].expression, what);
	ck_assert_uint_eq(used, l.n);
	found = expr_eval_as(&e, &x, SAMPLE_STR, &s);
	ck_assert_msg(found == (rows[_i].text != NULL), "%s", rows[_i].expression);
	if (found)
		ck_assert_msg(str_is(s.bytes, rows[_i].text), "%s: %.*s", rows[_i].expression,
			      STR_ARG(s.bytes));
	ck_assert(!s.may_change);
	expr_fini(&e);
}
END_TEST

/* With any room from none to enough there is a value or none, and never a wrong one. */
START_TEST(scratch_is_bounded)
{
	char room[64], what[EXPR_ERROR];
	struct expr_context x = world_context();
	const char *word = "str(abcd),upper,hex,concat(x,txn.n,y),length";
	struct sample s;
	struct expr e;
	size_t used;

	ck_assert_int_eq(expr_compile(&e, &word, 1, &used, what), EXPR_OK);
	for (size_t size = 0; size < sizeof(room); size++) {
		x.scratch = (struct scratch){ .p = room, .size = size };
		if (expr_eval(&e, &x, &s))
			ck_assert_int_eq(s.number, 11);
		else
			ck_assert_uint_lt(size, 24);
	}
	expr_fini(&e);
}
END_TEST

/* Each row of the tables is complete: the manual is made from them. */
START_TEST(keywords_are_complete)
{
	const struct expr_keyword *k;

	for (enum expr_kind kind = EXPR_FETCH; kind <= EXPR_CONVERTER; kind++) {
		size_t n = 0;

		for (struct expr_cursor at = { 0 }; (k = expr_keyword_next(kind, &at)); n++) {
			ck_assert_msg(expr_keyword_find(kind, str_of(k->name)) == k, "%s twice",
				      k->name);
			ck_assert_msg((k->eval == NULL) == (k->refused != NULL), "%s", k->name);
			if (k->refused)
				continue;
			ck_assert_msg(k->out != SAMPLE_NONE, "%s", k->name);
			ck_assert_msg((k->in == SAMPLE_NONE) == (kind == EXPR_FETCH), "%s",
				      k->name);
			for (unsigned i = 0; i < k->n_required; i++)
				ck_assert_msg(k->args[i] != ARG_NONE, "%s", k->name);
		}
		ck_assert_uint_gt(n, 50);
	}
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("expr eval");
	TCase *tcase = tcase_create("eval");

	tcase_add_loop_test(tcase, expression_has_a_value, 0, N_ROWS(rows));
	tcase_add_test(tcase, scratch_is_bounded);
	tcase_add_test(tcase, keywords_are_complete);
	suite_add_tcase(suite, tcase);
	return run_suite(suite);
}
