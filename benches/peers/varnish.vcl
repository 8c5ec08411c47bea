vcl 4.1;

# PORT is filled in by the benchmark: where the bare axum handler listens.
backend default {
    .host = "127.0.0.1";
    .port = "PORT";
}

sub vcl_recv {
    # Without this a request with a token is passed on, whatever the cache holds. Varnish checks no token.
    unset req.http.Authorization;
}

sub vcl_backend_response {
    set beresp.ttl = 1d;
}
