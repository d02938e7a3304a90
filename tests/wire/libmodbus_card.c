/* A relay card with eight doors, served by libmodbus: `libmodbus_card rtu PORT` or `libmodbus_card tcp`.
 *
 * libmodbus answers everything by itself but the timed pulse, a single coil with a time for its value, which it
 * would refuse. Each line on the standard output says what was asked; the first says where the card is. */

#include <errno.h>
#include <modbus.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { CARD = 1, DOORS = 8, FLASH_ON = 0x0200, LONGEST_FLASH = 0x7FFF, WRITE_COIL = 5 };

static void answer(modbus_t *card, modbus_mapping_t *map, const uint8_t *query, int length) {
    const uint8_t *pdu = query + modbus_get_header_length(card);
    int address = pdu[1] << 8 | pdu[2], value = pdu[3] << 8 | pdu[4];

    printf("function %d address %d value %d\n", pdu[0], address, value);
    if (pdu[0] == WRITE_COIL && address >= FLASH_ON && address < FLASH_ON + DOORS && value <= LONGEST_FLASH) {
        map->tab_input_bits[address - FLASH_ON] = 0; /* the door springs off its switch */
        if (write(modbus_get_socket(card), query, length) != length)
            perror("echo");
        return;
    }
    modbus_reply(card, query, length, map);
    map->tab_registers[0] = 0; /* it takes commands for all outputs, and is none */
}

static void serve(modbus_t *card, modbus_mapping_t *map) {
    uint8_t query[MODBUS_TCP_MAX_ADU_LENGTH];

    for (;;) {
        int length = modbus_receive(card, query);
        if (length > 0)
            answer(card, map, query, length);
        else if (length < 0 && errno == ECONNRESET)
            return;
    }
}

static int serve_tcp(modbus_t *card, modbus_mapping_t *map) {
    struct sockaddr_in here;
    socklen_t size = sizeof here;
    int listening = modbus_tcp_listen(card, 1);

    if (listening < 0 || getsockname(listening, (struct sockaddr *)&here, &size) < 0)
        return 1;
    printf("ready %d\n", ntohs(here.sin_port));
    while (modbus_tcp_accept(card, &listening) >= 0)
        serve(card, map);
    return 1;
}

int main(int count, char **words) {
    int rtu = count == 3 && strcmp(words[1], "rtu") == 0;
    modbus_t *card = rtu ? modbus_new_rtu(words[2], 57600, 'N', 8, 1) : modbus_new_tcp("127.0.0.1", 0);
    modbus_mapping_t *map = modbus_mapping_new(FLASH_ON, DOORS, DOORS + 1, 1);

    setvbuf(stdout, NULL, _IOLBF, 0);
    memset(map->tab_input_bits, 1, DOORS); /* all doors are closed */
    map->tab_input_registers[0] = 0x00FF;
    modbus_set_slave(card, CARD);
    if (!rtu)
        return serve_tcp(card, map);
    if (modbus_connect(card) < 0)
        return 1;
    printf("ready %s\n", words[2]);
    serve(card, map);
    return 0;
}
