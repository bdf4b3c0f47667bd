"""order-products: the catalogue for whoever may order; its prices and stock for the shop's server only."""

from aws_lambda_powertools import Logger
from aws_lambda_powertools.event_handler import Response

from handlers import wiring
from handlers.bodies import checked_id
from handlers.callers import known_caller, shop_caller
from handlers.offer_bodies import RestockBody
from handlers.order_bodies import ChangeProductBody, CreateProductBody, product_json, stock_json
from handlers.rest import entry_point, idempotent_request, json_answer, page_query, parse, raw_body, rest_app
from offerloop.identity import Role
from offerloop.orders.manage_products import change_product, create_product, restock_product

logger = Logger()
METHODS = {
    "/products": "GET, POST",
    "/products/{product_id}": "GET, PATCH",
    "/products/{product_id}/restock": "POST",
}
app = rest_app(logger, METHODS, wiring.settings().cors_origins)
MAX_PAGE = 200
DEFAULT_PAGE = 50


@app.get("/products")
def get_products() -> dict[str, object]:
    shown = stock_json if known_caller(app).role is Role.SHOP else product_json
    page = wiring.products().page(*page_query(app, DEFAULT_PAGE, MAX_PAGE))
    return {"products": [shown(product) for product in page.products], "cursor": page.cursor}


@app.get("/products/<product_id>")
def get_product(product_id: str) -> dict[str, object]:
    shown = stock_json if known_caller(app).role is Role.SHOP else product_json
    return shown(wiring.products().get(checked_id(product_id)))


@app.post("/products")
def post_product() -> Response[str]:
    caller = shop_caller(app)
    body = raw_body(app)
    product = parse(CreateProductBody, body).product()
    request = idempotent_request(app, caller, "POST /products", body)
    answer = create_product(product, store=wiring.products(), clock=wiring.clock(), request=request)
    logger.info("Product created", product_id=product.product_id)
    return json_answer(201, dict(answer))


@app.patch("/products/<product_id>")
def patch_product(product_id: str) -> dict[str, object]:
    shop_caller(app)
    changes = parse(ChangeProductBody, raw_body(app)).changes()
    product = change_product(checked_id(product_id), changes, store=wiring.products())
    logger.info("Product changed", product_id=product_id, attributes=sorted(changes))
    return stock_json(product)


@app.post("/products/<product_id>/restock")
def post_restock(product_id: str) -> dict[str, object]:
    caller = shop_caller(app)
    body = raw_body(app)
    units = parse(RestockBody, body).units
    request = idempotent_request(app, caller, f"POST /products/{product_id}/restock", body)
    answer = restock_product(
        checked_id(product_id), units, store=wiring.products(), clock=wiring.clock(), request=request
    )
    logger.info("Product restocked", product_id=product_id, units=units)
    return dict(answer)


handle = entry_point(app, logger)
