/** request-client over TLS, on OpenSSL. */
#define OVER_TLS
#include "request-client.c"
