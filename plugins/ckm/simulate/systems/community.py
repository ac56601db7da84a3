"""The files that the community platform exports, each part of it in a format of its own."""

from ckm.simulate.systems.described import Described, columns

COMMUNITY: dict[str, Described] = {
    "initiatives": Described(
        "initiatives.tsv",
        columns(
            "initiative_id:project initiative_name:title style:mode product_id:sku "
            "owner_employee_id:host status:state started_on:begin ended_on:end updated_at:changed"
        ),
    ),
    "members": Described(
        "members.jsonl",
        columns(
            "member_id:memberId nickname:nick full_name:realName company_name:organisation email:mail "
            "customer_id:shopCustomer country:country birth_year:yearOfBirth joined_at:joined "
            "left_at:left updated_at:changed"
        ),
        unmapped={"theme": "light"},
    ),
    "contributions": Described(
        "contributions_*.jsonl",
        columns(
            "contribution_id:postId initiative_id:project member_id:memberId contribution_type:kind "
            "contribution_text:body status:state votes:upvotes hours:hoursSpent release_id:release "
            "contributed_at:posted adopted_on:adopted updated_at:changed"
        ),
    ),
    "releases": Described(
        "releases.parquet",
        columns(
            "release_id:release initiative_id:project product_id:sku release_name:title "
            "release_kind:kind released_on:day updated_at:changed"
        ),
    ),
    "ip_shares": Described(
        "ip_shares.parquet",
        columns(
            "ip_share_id:share initiative_id:project member_id:memberId ip_kind:kind "
            "member_share:fraction value_amount:value currency_code:currency granted_on:day "
            "updated_at:changed"
        ),
    ),
    "initiative_costs": Described(
        "initiative_costs.tsv",
        columns(
            "initiative_id:project month:month cost_kind:kind amount:cost currency_code:currency "
            "updated_at:changed"
        ),
    ),
    "outcomes": Described(
        "outcomes.parquet",
        columns(
            "initiative_id:project month:month outcome_kind:kind amount:money currency_code:currency "
            "measured_value:figure unit:unit updated_at:changed"
        ),
    ),
}
