"""Every limit of the product, with its source: contract sections, or the platform.

Limits that an operator may change are the defaults of `garner.runtime.settings`.
"""

# --- requests and answers -----------------------------------------------------------------------
MAX_BODY_BYTES = 4_000_000  # contract 8.3: Lambda takes 6 MB, the event escapes the body
MAX_EXPANDED_BODY_BYTES = 50_000_000  # contract 8.3: gzip bodies
MAX_ANSWER_BYTES = 5_900_000  # Lambda gives 6 MB (6,291,556 bytes with the envelope)
QUERY_BUDGET_SECONDS = 25  # contract 8.10: ours comes before the gateway's 30 s
UPLOAD_MAX_BYTES = 5_000_000_000  # what one POST to S3 takes
UPLOAD_MAX_EXPANDED_BYTES = 5_000_000_000  # ingest protocol, section 7
UPLOAD_MAX_RATIO = 200  # ours: metadata seldom shrinks to a twentieth
UPLOAD_RATIO_FREE_BYTES = 10_000_000  # ours: below it any ratio is harmless
UPLOAD_FORM_SECONDS = 3_600  # ours

# --- entries (contract 5) -----------------------------------------------------------------------
MAX_SUBJECT_BYTES = 500
MAX_VISIBLE_TO = 100
MAX_ENTRY_BYTES = 4_000_000  # contract 8.3
MAX_SUBJECT_DOCUMENT_BYTES = 9_000_000  # contract 8.3: with all its entries
MAX_ENTRIES_PER_SUBJECT = 10
MAX_FIELD_VALUE_BYTES = 32 * 1024
MAX_FACETED_CHARACTERS = 10_000
MAX_TERM_CHARACTERS = 256  # ours: longer values are looked up among the doc values
MAX_FIELDS = 1_000
MAX_DEPTH = 20
MAX_FIELD_PATH_BYTES = 1_024  # ours: a longer path has no use and bloats every mapping
MAX_PRINCIPAL_SETS = 100  # ours
MAX_PRINCIPALS_PER_SET = 1_000  # ours
MAX_SET_NAME_BYTES = 500  # ours
MAX_ENTRY_ID_BYTES = 500  # ours, like the subject
INT64_MIN, INT64_MAX = -(2**63), 2**63 - 1

# --- indexes and roles (contract 5) -------------------------------------------------------------
MAX_ROLES_PER_INDEX = 50
MAX_OWNED_TRIAL_INDEXES = 3
MAX_INDEX_LIST = 100
MAX_DISPLAY_NAME_CHARACTERS = 1_000  # ours
MAX_DESCRIPTION_CHARACTERS = 10_000  # ours
MAX_TASK_LIST = 1_000
RETENTION_DAYS = 30  # contract 8.9: deleted indexes, and terminal tasks

# --- queries (contract 3 and 5) -----------------------------------------------------------------
DEFAULT_LIMIT = 10
MAX_RESULT_WINDOW = 10_000
MAX_QUERY_WORDS = 256  # contract 7.6
MAX_QUERY_CHARACTERS = 20_000  # ours: bounds parsing
MAX_QUERY_DEPTH = 20  # ours: parentheses and nested filters
MAX_QUERY_CLAUSES = 512  # ours: below the engine's 1,024
MAX_FILTER_VALUES = 10_000  # ours
MAX_FILTER_CLAUSES = 200  # ours: beside those of q, and what its words expand to
MAX_FACETS = 50  # visibility and security
MAX_FACET_SIZE = 2**31 - 1  # contract 3.7
CLAMPED_FACET_SIZE = 10_000  # contract 8.4
MAX_HISTOGRAM_BUCKETS = 10_000
MAX_BOOSTS = 100
MAX_SORT_KEYS = 10
MAX_BOOST_FACTOR = 10
MAX_FUZZINESS = 5
MAX_REGEX_CHARACTERS = 256
MAX_LIKE_CHARACTERS = 1_000  # ours
MAX_POLYGON_POSITIONS = 10_000  # ours
MAX_FUZZY_EDITS = 2  # the engine's; contract 3.3 allows to ask for up to 5
MAX_FUZZY_EXPANSIONS = 50  # the engine's default
MAX_FUZZY_CLAUSES = 256  # ours: what all words with edits may expand to, beside the other clauses
MAX_PREFIX_EXPANSIONS = 100  # ours: the last word of a phrase
MAX_PHRASE_SLOP = 90  # the engine keeps 100 positions between two values: no phrase spans them
MAX_QUERY_PATTERNS = 20  # ours: wildcards and regular expressions in one query
MAX_LEADING_WILDCARDS = 4  # ours: those that have to look at every term
MAX_ENGINE_REGEX_CHARACTERS = 1_000  # the engine's index.max_regex_length
MAX_PATTERN_EFFORT = 5_000  # ours: the engine gives up at 100,000, in bytes instead of characters
MAX_QUERY_BOOST = 1_000  # ours
MAX_FIELDS_OF_ANY_VALUE = 32  # ours: number or date fields that a value without field is sought in
MAX_TERMS_VALUES = 65_536  # the engine's limit on one `terms` clause
SCROLL_MARKER_SECONDS = 3_600  # contract 3.9: at least ten minutes

# --- the ingest protocol (sections 1 to 7) ------------------------------------------------------
VERSION_BITS = 24  # V(n, k) = n * 2**24 + k
MAX_OPERATIONS_PER_TASK = 1 << VERSION_BITS
INLINE_PAYLOAD_BYTES = 8_192  # compressed; larger payloads go to S3
PACK_TASKS = 99  # one finish transaction: 99 tasks and the cursor
PACK_OPERATIONS = 10_000  # that are read and merged
BLIND_OPERATIONS = 25_000  # that depend on nothing: more of them share a refresh
PACK_BYTES = 32_000_000  # of payloads, expanded: two packs of them are in memory
OUTLINED_OPERATIONS = 20  # fewer are checked as fast as an outline of them
REFRESH_SECONDS = 30.0  # nothing waits longer for others to share one
BULK_BYTES = 5_000_000
BULK_OPERATIONS = 1_000
FIRST_BULK_OPERATIONS = 250  # of the first bulks of a pack: as many as are in flight
PART_OF_LOAD_BYTES = 5_000_000
LOOK_AHEAD_SLOTS = 100  # one BatchGetItem
MAX_REPORTED_FAILURES = 100  # contract 4.3
DEFAULT_OUTCOMES_LIMIT = 100  # ours
MAX_OUTCOMES_LIMIT = 5_000  # ours: an answer of about 2 MB
OUTCOMES_LOOKED_AT = 100_000  # ours: for one page, so that it comes in time
MAX_IDEMPOTENCY_KEY_BYTES = 255

# --- harvest: fetching (visibility and security, Security) --------------------------------------
FETCH_CONNECT_SECONDS = 5.0
FETCH_TOTAL_SECONDS = 60.0
FETCH_MAX_BYTES = 100_000_000  # as sent, compressed or not
FETCH_MAX_EXPANDED_BYTES = 1_000_000_000
FETCH_MAX_RATIO = 100
FETCH_RATIO_FREE_BYTES = 10_000_000  # ours: below it any ratio is harmless
FETCH_MAX_REDIRECTS = 5
FETCH_TRIES = 5  # controller contract 4.6, for every connector
FETCH_MAX_PIECES = 20  # ours: one file, fetched on by range; bounds a drip to twenty minutes
FETCH_MIN_PIECE_BYTES = 1_000_000  # ours: a slower source than that has no end
CRAWL_MAX_REQUESTS = 50_000  # ours: ends sources whose pages never do
CRAWL_MAX_ATTEMPTS = 3  # ours: dead resumption tokens, files that change while they are read
MAX_DIRECTORY_FILES = 1_000  # ours
MAX_LISTING_BYTES = 4_000_000  # ours: the page that lists a directory
BUCKET_MAX_BYTES = 400_000_000  # ours: fits beside other things on a function's disk
MAX_SETS = 5_000  # ours: sets of an OAI-PMH repository
MAX_EMPTY_PAGES = 10  # ours: pages in a row that promise more and hold nothing
MAX_DETAIL_STEP_SECONDS = 20.0  # ours: detail calls of one step, pauses included
MAX_DETAILS_PER_STEP = 50  # ours: answers of detail calls in one raw object

# --- harvest: reading and transforming (harvest 4 and 5) ----------------------------------------
MAX_RECORD_BYTES = 4_000_000  # ours: as much as an entry
MAX_RECORD_DEPTH = 100  # ours: far above MAX_DEPTH, a transform may flatten
MAX_ARCHIVE_FILES = 10_000  # ours
MAX_COLUMNS = 2_000  # ours
MAX_DOCUMENT_ID_BYTES = 500  # as a subject; controller contract 3.11 would allow 512
TRANSFORM_SECONDS = 2.0
TRANSFORM_MEMORY_BYTES = 192_000_000  # ours: resident, of the child process
TRANSFORM_MAX_OUTPUT_BYTES = 1_000_000
MAX_KILLS_IN_A_ROW = 10  # ours: then the script is at fault, not a record
MAX_PRIMARY_KEY_BYTES = 2_000  # ours
MAX_TRANSFORM_CHARACTERS = 100_000  # ours
MAX_PATH_CHARACTERS = 500  # ours
MAX_DESCRIPTOR_BYTES = 200_000  # ours: half of what an item of the table can hold
MAX_QC_RULES = 200  # ours
DEFAULT_FIELD_QUOTA = 200  # ours: fields that one source may add to an index
MAX_SAMPLE_RECORDS = 50  # ours

# --- harvest: the workflow (controller contract 3 and 9, harvest 1 and 3) -----------------------
ACCOUNTING_MAX_GROWTH_PERCENT = 20
ACCOUNTING_MAX_SHRINKAGE_PERCENT = 10
MAX_RUN_CYCLES = 3
CRAWL_OFFSET_DAYS = (1, 30)
CRAWL_TIMEOUT_SECONDS = 6 * 3_600  # controller contract, Q12
HARVEST_PARTITIONS = 64
SMALL_HARVEST_RECORDS = 25_000  # ours: what is worked on as one group of all partitions
SEGMENT_BYTES = 8_000_000
TRANSFORM_CHUNK_RECORDS = 2_000  # ours: what is lost at most when a worker dies
PART_ENTRIES = 1_000
PART_BYTES = 3_900_000  # 4 MB with the envelope of the request
HARVEST_LEASE_SECONDS = 120.0
HARVEST_SAVE_SECONDS = 2.0  # ours: work is saved this often
MAX_SAVED_MARKERS = 90  # one transaction, with room for the run itself
MAX_SLICES_PER_RUN = 5_000  # ours: ends a job that rings itself for ever
MAX_STALLED_SLICES = 3  # controller contract, Q12: readings that don't move
PUBLISH_POLL_SECONDS = 15
HARVEST_RETENTION_DAYS = 90
MAX_RUN_LIST = 100
MAX_ERROR_LIST = 100

# --- webhooks (ours) ----------------------------------------------------------------------------
MAX_WEBHOOKS_PER_INDEX = 10
MAX_WEBHOOK_URL_BYTES = 2_048
MAX_DELIVERY_LIST = 200
WEBHOOK_SECONDS = 10.0  # one try, whatever the receiver does
