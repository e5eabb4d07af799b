"""Web functions as people write them for function URLs: an ASGI application behind Mangum, and a resolver of Powertools.

Runs in the environment with the clients of others, which has these packages.
"""


def starlette_app(event, context):
    """Imports late: the other function of this file needs none of it."""
    from mangum import Mangum
    from starlette.applications import Starlette
    from starlette.responses import JSONResponse, PlainTextResponse, Response
    from starlette.routing import Route

    async def describe(request):
        body = await request.body()
        response = JSONResponse(
            {
                "method": request.method,
                "path": request.scope["path"],
                "query": request.query_params.multi_items(),
                "cookies": request.cookies,
                "header": request.headers.get("x-a"),
                "body": body.hex(),
                "origin": f"{request.url.scheme}://{request.url.netloc}",
                "client": request.client.host,
            },
            status_code=201,
        )
        response.set_cookie("a", "1")
        response.set_cookie("b", "2")
        return response

    async def form(request):
        return PlainTextResponse((await request.body()).decode())

    async def binary(request):
        return Response(bytes(range(256)), media_type="image/png")

    routes = [
        Route("/form", form, methods=["POST"]),
        Route("/binary", binary),
        Route("/{rest:path}", describe, methods=["GET", "POST", "PUT", "DELETE", "PATCH"]),
    ]
    return Mangum(Starlette(routes=routes), lifespan="off")(event, context)


def powertools_app(event, context):
    from aws_lambda_powertools.event_handler import LambdaFunctionUrlResolver, Response
    from aws_lambda_powertools.shared.cookies import Cookie
    from aws_lambda_powertools.utilities.data_classes import LambdaFunctionUrlEvent

    app = LambdaFunctionUrlResolver()

    @app.post("/orders/<order_id>")
    def order(order_id):
        current = app.current_event
        parsed = LambdaFunctionUrlEvent(event)
        content = {
            "id": order_id,
            "query": current.get_query_string_value("q"),
            "body": current.decoded_body,
            "cookies": parsed.cookies,
            "caller": parsed.request_context.authorizer.iam.access_key,
            "account": parsed.request_context.account_id,
            "domain": parsed.request_context.domain_name,
            "source": parsed.request_context.http.source_ip,
            "agent": parsed.request_context.http.user_agent,
        }
        return Response(201, "application/json", content, cookies=[Cookie(name="a", value="1"), Cookie(name="b", value="2")])

    return app.resolve(event, context)
