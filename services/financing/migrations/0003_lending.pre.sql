-- Consents with who read and who was told; applications, the lenders that see them, and offers.

-- The record that UU 27/2022 asks for: who allows what to be read for which purpose, by which words, until when.
-- ended_at is by this database's clock, under the row's lock: no read is logged after it.
CREATE TABLE consents (
    consent_id     uuid        PRIMARY KEY,
    person_id      uuid        NOT NULL,
    shop_id        uuid        NOT NULL,
    scopes         text[]      NOT NULL CHECK (cardinality(scopes) > 0
                                               AND scopes <@ '{sales,cooperative,certificates,repayment}'::text[]),
    purpose        text        NOT NULL CHECK (purpose ~ '^[a-z_]{2,40}$'),
    data_items     text[]      NOT NULL,
    legal_basis    text        NOT NULL,
    text_version   text        NOT NULL,
    text_sha256    text        NOT NULL CHECK (length(text_sha256) = 64),
    language       text        NOT NULL,
    channel        text        NOT NULL,
    actor_id       uuid        NOT NULL,
    evidence       text        NOT NULL,
    given_at       timestamptz NOT NULL,
    until          timestamptz NOT NULL,
    ended_at       timestamptz,
    end_reason     text        CHECK (end_reason IN ('revoked', 'expired', 'erased')),
    acknowledge_by timestamptz,
    CHECK (until > given_at),
    CHECK ((ended_at IS NULL) = (end_reason IS NULL) AND (ended_at IS NULL) = (acknowledge_by IS NULL))
);
CREATE INDEX consents_of_person ON consents (person_id, consent_id);
CREATE INDEX consents_live_of_shop ON consents (shop_id) WHERE ended_at IS NULL;
CREATE INDEX consents_by_end ON consents (until) WHERE ended_at IS NULL;

-- Every lender that was told of a consent, or has read under it; each one acknowledges its end.
CREATE TABLE consent_recipients (
    consent_id      uuid        NOT NULL REFERENCES consents,
    lender_id       uuid        NOT NULL REFERENCES lenders,
    told_at         timestamptz NOT NULL,
    read_at         timestamptz,
    acknowledged_at timestamptz,
    PRIMARY KEY (consent_id, lender_id)
);
CREATE INDEX consent_recipients_of_lender ON consent_recipients (lender_id);

-- One row per question for a profile, written before it is answered; refusals too.
CREATE TABLE consent_reads (
    read_id        bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    consent_id     uuid        NOT NULL REFERENCES consents,
    application_id uuid        NOT NULL,
    lender_id      uuid        NOT NULL REFERENCES lenders,
    outcome        text        NOT NULL CHECK (outcome IN ('read', 'refused')),
    reason         text        CHECK (reason IN ('consent_ended', 'not_told', 'application_closed')),
    items          text[]      NOT NULL,
    asked_at       timestamptz NOT NULL,
    CHECK ((outcome = 'refused') = (reason IS NOT NULL))
);
CREATE INDEX consent_reads_of_consent ON consent_reads (consent_id, read_id);

CREATE TABLE applications (
    application_id uuid        PRIMARY KEY,
    shop_id        uuid        NOT NULL,
    person_id      uuid        NOT NULL,
    consent_id     uuid        NOT NULL REFERENCES consents,
    amount_minor   bigint      NOT NULL CHECK (amount_minor > 0),
    currency       text        NOT NULL,
    tenor_months   smallint    NOT NULL CHECK (tenor_months BETWEEN 1 AND 360),
    purpose        text        NOT NULL CHECK (purpose ~ '^[a-z_]{2,40}$'),
    region_code    text        NOT NULL,
    sector         text        NOT NULL,
    size_class     text        NOT NULL CHECK (size_class IN ('micro', 'small', 'medium', 'large')),
    state          text        NOT NULL DEFAULT 'published'
                   CHECK (state IN ('published', 'accepted', 'withdrawn', 'expired', 'consent_ended', 'declined')),
    traceparent    text,
    published_at   timestamptz NOT NULL,
    expires_at     timestamptz NOT NULL,
    closed_at      timestamptz,
    CHECK ((state = 'published') = (closed_at IS NULL))
);
CREATE INDEX applications_of_person ON applications (person_id, application_id);
CREATE INDEX applications_of_consent ON applications (consent_id);
CREATE INDEX applications_open ON applications (expires_at) WHERE state = 'published';

-- The lenders that see an application. for_review: its product did not fit by the profile, and the applicant asked that
-- a person looks all the same (UU 27/2022 art. 10).
CREATE TABLE application_lenders (
    application_id uuid        NOT NULL REFERENCES applications,
    lender_id      uuid        NOT NULL REFERENCES lenders,
    product_ids    uuid[]      NOT NULL CHECK (cardinality(product_ids) > 0),
    for_review     boolean     NOT NULL,
    declined_at    timestamptz,
    decline_reason text        CHECK (decline_reason ~ '^[a-z_]{2,40}$'),
    PRIMARY KEY (application_id, lender_id),
    CHECK ((declined_at IS NULL) = (decline_reason IS NULL))
);
CREATE INDEX application_lenders_of_lender ON application_lenders (lender_id, application_id);

-- What lenders may read of a shop, as it was when it applied. A row is there only while its consent is live.
CREATE TABLE profiles (
    application_id uuid        PRIMARY KEY REFERENCES applications,
    consent_id     uuid        NOT NULL REFERENCES consents,
    profile        jsonb       NOT NULL,
    computed_at    timestamptz NOT NULL
);
CREATE INDEX profiles_of_consent ON profiles (consent_id);

CREATE TABLE offers (
    offer_id               uuid          PRIMARY KEY,
    application_id         uuid          NOT NULL,
    lender_id              uuid          NOT NULL,
    product_id             uuid          NOT NULL REFERENCES loan_products,
    scheme                 text          NOT NULL CHECK (scheme IN ('annuity', 'flat', 'sliding', 'murabahah')),
    annual_rate_pct        numeric(9, 4),
    margin_minor           bigint        CHECK (margin_minor >= 0),
    amount_minor           bigint        NOT NULL CHECK (amount_minor > 0),
    currency               text          NOT NULL,
    tenor_months           smallint      NOT NULL,
    instalment_minor       bigint        NOT NULL,
    total_minor            bigint        NOT NULL,
    cost_minor             bigint        NOT NULL CHECK (cost_minor >= 0),
    effective_rate_pct     text          NOT NULL,
    share_basis_points_max integer       NOT NULL CHECK (share_basis_points_max BETWEEN 1 AND 10000),
    state                  text          NOT NULL DEFAULT 'open'
                           CHECK (state IN ('open', 'accepted', 'lost', 'withdrawn', 'expired')),
    valid_until            timestamptz   NOT NULL,
    made_at                timestamptz   NOT NULL,
    ended_at               timestamptz,
    FOREIGN KEY (application_id, lender_id) REFERENCES application_lenders,
    CHECK (total_minor = amount_minor + cost_minor),
    CHECK ((state = 'open') = (ended_at IS NULL))
);
CREATE INDEX offers_of_application ON offers (application_id, offer_id);
CREATE UNIQUE INDEX offers_accepted_once ON offers (application_id) WHERE state = 'accepted';
CREATE UNIQUE INDEX offers_one_open_per_lender ON offers (application_id, lender_id) WHERE state = 'open';
CREATE INDEX offers_by_end ON offers (valid_until) WHERE state = 'open';
