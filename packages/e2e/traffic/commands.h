#pragma once
// The commands of the program, each in the file of its name. argv begins behind the command's name.

int traffic_send(int argc, char *const argv[]);
int traffic_receive(int argc, char *const argv[]);
int traffic_inject(int argc, char *const argv[]);
int traffic_echo(int argc, char *const argv[]);
int traffic_ask(int argc, char *const argv[]);
int traffic_arrivals(int argc, char *const argv[]);
