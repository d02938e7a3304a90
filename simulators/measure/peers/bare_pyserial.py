"""The least that Python can do: write one request to a port and read its answer, over and over.

Arguments: port, baud, how often, the request in hex, and how many bytes the answer has. Prints the
processor time of one exchange in microseconds.
"""

import sys
import time

import serial


def main() -> None:
    port, baud, times, request, length = sys.argv[1:6]
    wanted, answer = bytes.fromhex(request), int(length)
    with serial.Serial(port, int(baud), timeout=1.0, exclusive=True) as line:
        began = time.process_time()
        for _ in range(int(times)):
            line.write(wanted)
            if len(line.read(answer)) != answer:
                sys.exit("no answer")
        print((time.process_time() - began) / int(times) * 1e6)


if __name__ == "__main__":
    main()
