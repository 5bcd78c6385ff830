#pragma once
// The program's commands, each in the file of that name. argv starts after the command name.

int traffic_send(int argc, char *const argv[]);
int traffic_receive(int argc, char *const argv[]);
int traffic_inject(int argc, char *const argv[]);
int traffic_echo(int argc, char *const argv[]);
int traffic_ask(int argc, char *const argv[]);
int traffic_arrivals(int argc, char *const argv[]);
int traffic_bulk(int argc, char *const argv[]);
int traffic_connections(int argc, char *const argv[]);
