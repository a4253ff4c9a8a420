import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

// A machine has one clock, and a test must not set it: a program whose clock is to jump is built with another `time.Now`, which adds what a file says.

/** The one place where Go's `time.Now` asks what time it is. */
const asks = "sec, nsec, mono := runtimeNow()";

/**
 * A part of Go's package time, which imports nothing that could read files: what it reads time zones with does. Not as often as somebody asks for the time, since the
 * runtime's timers do so too, where nothing may wait for the kernel.
 */
const shift = `package time

import "sync/atomic"

// labClock is the file that says how many seconds this clock is ahead: the linker sets it.
var labClock string

var labSeconds atomic.Int64

func labShift() int64 { return labSeconds.Load() }

func init() {
	labSeconds.Store(labRead())
	go func() {
		for {
			Sleep(100 * Millisecond)
			labSeconds.Store(labRead())
		}
	}()
}

func labRead() (seconds int64) {
	file, err := open(labClock)
	if err != nil {
		return 0
	}
	defer closefd(file)
	var text [20]byte
	length, _ := read(file, text[:])
	sign := int64(1)
	for _, c := range text[:max(length, 0)] {
		switch {
		case c == '-':
			sign = -1
		case '0' <= c && c <= '9':
			seconds = seconds*10 + int64(c-'0')
		}
	}
	return sign * seconds
}
`;

/** What a program with such a clock is made of, beside its module. */
export const clockSource = asks + shift;

/** The linker's flag that names the file. */
export const clockFlag = (file: string) => `-X time.labClock=${file}`;

/**
 * Writes Go's package time anew, and the file that has the compiler take it (`go help build`, -overlay).
 *
 * @param goroot Go's own directory
 * @param directory where to write
 * @returns the path for `-overlay`; undefined where this Go's time.Now is another one than this was written for
 */
export function clockOverlay(goroot: string, directory: string): string | undefined {
  const time = join(goroot, "src", "time");
  const source = readFileSync(join(time, "time.go"), "utf8");
  const now = source.indexOf("func Now() Time {");
  const at = source.indexOf(asks, now);
  if (now === -1 || at === -1) return undefined;
  const end = at + asks.length;
  mkdirSync(directory, { recursive: true });
  const write = (name: string, text: string) => {
    const path = join(directory, name);
    writeFileSync(path, text);
    return path;
  };
  const Replace = {
    [join(time, "time.go")]: write("time.go", `${source.slice(0, end)}\n\tsec += labShift()${source.slice(end)}`),
    [join(time, "lab_clock.go")]: write("lab_clock.go", shift),
  };
  return write("overlay.json", JSON.stringify({ Replace }));
}
