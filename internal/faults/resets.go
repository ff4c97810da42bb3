package main

var (
	inResets       = []string{"./lstm Methods"}
	resetsOfMasked = []string{"./lstm Variants"}
)

// resetFaults are about rows that begin anew inside a window.
var resetFaults = []fault{
	{"resets: the state goes on", "internal/seq/resets.go",
		"				clear(row)\n", "				copy(row, m.Row(p-first))\n", inResets},
	{"resets: gradients go back across", "internal/seq/resets.go",
		"			clear(d)\n", "			_ = d\n", inResets},
	{"resets: the weight gradient takes h from before", "internal/seq/gradient.go",
		"h = u.zeroRow()", "h += 0", inResets},
	{"resets: a reverse direction begins anew one step too early", "internal/seq/resets.go",
		"	if u.net.Reverse[u.job.dir] {\n		t++\n	}\n", "", inResets},
	{"resets: those of the place of a row", "internal/seq/resets.go",
		"if u.resets.of(u.rows.user(p), at) {", "if u.resets.of(p, at) {", inResets},
	{"resets: gradients stop in the row of another place", "internal/seq/resets.go",
		"u.resets.of(u.rows.user(first+r), at)", "u.resets.of(u.rows.user(r), at)", inResets},
	{"resets: for each Forward to come", "internal/seq/forward.go",
		"u.resets.now, u.resets.next = u.resets.next, false", "u.resets.now = u.resets.next", inResets},
	{"resets: of segments, counted from their first steps", "internal/seq/resets.go",
		"	t += u.rows.from\n", "", inResets},
	{"resets: one at the end of a row is taken", "internal/seq/resets.go",
		"last >= n {", "last > n {", inResets},
	{"resets: Backward goes over a Forward without them", "internal/seq/resets.go",
		"	u.forget()\n", "", inResets},
	{"resets, units: going back reads the states before", "internal/seq/units.go",
		"			u.copyPrevious(u.visited(u.units.visited), 0, u.batch)\n", "", inResets},
	{"resets, units: gradients go back across", "internal/seq/units.go",
		"		u.stopGradient(s, u.visited(k-1), 0)\n", "", inResets},
	{"resets, units: one part stops the gradients of all units", "internal/seq/resets.go",
		"d = d[s.Lo:s.Hi]", "d = d[:s.Lo]", inResets},
	{"resets: masks go on", "internal/seq/mask.go",
		"return uint32(t - begin)", "return uint32(t)", resetsOfMasked},
	{"resets: masks of a reverse direction go on", "internal/seq/mask.go",
		"return uint32(end - 1 - t)", "return uint32(u.rows.whole(p) - 1 - t)", resetsOfMasked},
	{"resets: the clock goes on", "internal/seq/mask.go",
		"u.masks.clock[b] = uint32(n - last)", "u.masks.clock[b] = uint32(n)", inResets},
	{"resets: searched in 64 steps", "internal/seq/resets.go",
		"		if i--; i < 0 {\n			return -1\n		}\n", "		return -1\n", []string{"./internal/seq"}},
}
