"""The files that the survey tool drops: master data as a workbook, what people say as a file a month."""

from ckm.simulate.systems.described import Described, columns

_CSV = {"delimiter": ";"}

SURVEYS: dict[str, Described] = {
    "surveys": Described(
        "stammdaten.xlsx",
        columns(
            "survey_id:SurveyCode survey_name:Titel survey_type:Art channel:Kanal opened_on:Start "
            "closed_on:Ende updated_at:Stand"
        ),
        settings={"sheet": "Surveys"},
    ),
    "questions": Described(
        "stammdaten.xlsx",
        columns(
            "survey_id:SurveyCode question_id:FrageNr question_text:Fragetext construct:Konstrukt "
            "question_number:Position scale_min:SkalaVon scale_max:SkalaBis is_reversed:Umgepolt "
            "updated_at:Stand"
        ),
        settings={"sheet": "Questions"},
    ),
    "invitations": Described(
        "invitations_*.csv",
        columns(
            "invitation_id:EinladungNr survey_id:SurveyCode customer_id:KundenNr "
            "respondent_id:TeilnehmerNr full_name:Name email:EMail channel:Kanal invited_at:VersendetAm "
            "reminded_at:ErinnertAm updated_at:Stand"
        ),
        settings=_CSV,
    ),
    "responses": Described(
        "responses_*.csv",
        columns(
            "response_id:AntwortbogenNr survey_id:SurveyCode invitation_id:EinladungNr "
            "customer_id:KundenNr respondent_id:TeilnehmerNr full_name:Name email:EMail phone:Telefon "
            "postal_code:PLZ channel:Kanal language:Sprache is_complete:Vollstaendig "
            "order_id:AuftragNr complaint_id:ReklamationNr closing_comment:Bemerkung "
            "responded_at:AusgefuelltAm updated_at:Stand"
        ),
        unmapped={"Device": "web"},
        settings=_CSV,
    ),
    "answers": Described(
        "answers_*.csv",
        columns(
            "response_id:AntwortbogenNr question_id:FrageNr answer_value:Wert answer_text:Freitext "
            "updated_at:Stand"
        ),
        settings=_CSV,
    ),
    "observations": Described(
        "observations_*.xlsx",
        columns(
            "observation_id:BeobachtungNr observation_type:Art customer_id:KundenNr employee_id:PersNr "
            "product_id:ArtikelNr theme:Thema mood:Stimmung latent_need:Bedarf note:Notiz "
            "observed_at:BeobachtetAm updated_at:Stand"
        ),
        settings={"sheet": "Observations"},
    ),
}
