vcl 4.1;

# The benchmark replaces PORT with the port of the bare axum handler.
backend default {
    .host = "127.0.0.1";
    .port = "PORT";
}

sub vcl_recv {
    # Otherwise Varnish passes requests with a token to the backend, even for a cached answer. It checks no tokens.
    unset req.http.Authorization;
}

sub vcl_backend_response {
    set beresp.ttl = 1d;
}
