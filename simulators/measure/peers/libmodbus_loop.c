/* The same exchange through libmodbus, in C: read 8 inputs of card 1, over and over.
   Arguments: port, baud, how often. Prints the processor time of one exchange in microseconds. */

#include <errno.h>
#include <modbus.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

int main(int argc, char **argv)
{
    if (argc != 4)
        return 2;
    long times = atol(argv[3]);
    modbus_t *card = modbus_new_rtu(argv[1], atoi(argv[2]), 'N', 8, 1);
    if (card == NULL || modbus_set_slave(card, 1) || modbus_connect(card)) {
        fprintf(stderr, "cannot open %s\n", argv[1]);
        return 1;
    }
    modbus_set_response_timeout(card, 1, 0);
    uint8_t inputs[8];
    clock_t began = clock();
    for (long n = 0; n < times; n++)
        if (modbus_read_input_bits(card, 0, 8, inputs) != 8) {
            fprintf(stderr, "no answer: %s\n", modbus_strerror(errno));
            return 1;
        }
    printf("%f\n", (double)(clock() - began) / CLOCKS_PER_SEC / times * 1e6);
    modbus_close(card);
    modbus_free(card);
    return 0;
}
