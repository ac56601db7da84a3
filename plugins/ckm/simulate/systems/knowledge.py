"""How the knowledge portal, which lives in the CRM's database, names its tables and columns."""

from ckm.simulate.systems.described import Described, columns

KNOWLEDGE: dict[str, Described] = {
    "articles": Described(
        "KB_Article",
        columns(
            "article_id:ArticleNo article_kind:Kind article_title:Headline topic:TopicCode "
            "product_id:ItemNo expert_id:AuthorNo language:Lang status:State published_at:PublishedAt "
            "retired_on:RetiredOn updated_at:ModifiedAt"
        ),
        unmapped={"Tenant": "NV"},
    ),
    "experts": Described(
        "KB_Author",
        columns(
            "expert_id:AuthorNo full_name:DisplayName expertise:Field employee_id:StaffNo "
            "is_external:IsGuest joined_on:ActiveFrom left_on:ActiveTo updated_at:ModifiedAt"
        ),
    ),
    "deliveries": Described(
        "KB_Delivery",
        columns(
            "delivery_id:DeliveryNo article_id:ArticleNo customer_id:CustomerNo reader_id:ReaderNo "
            "full_name:ShownAs email:AccountMail delivery_mode:Mode search_id:SearchNo complaint_id:TicketNo "
            "employee_id:StaffNo read_seconds:ReadSec is_helpful:VoteHelpful is_solved:VoteSolved "
            "delivered_at:DeliveredAt updated_at:ModifiedAt"
        ),
    ),
    "searches": Described(
        "KB_SearchLog",
        columns(
            "search_id:SearchNo customer_id:CustomerNo reader_id:ReaderNo full_name:ShownAs query_text:SearchTerm "
            "topic:TopicCode result_count:Hits clicked_article_id:ClickedArticleNo searched_at:LoggedAt"
        ),
    ),
    "service_benchmarks": Described(
        "KB_Benchmark",
        columns(
            "metric:MetricCode peer:PeerName month:MonthStart benchmark_value:PeerValue unit:Unit "
            "updated_at:ModifiedAt"
        ),
    ),
}
