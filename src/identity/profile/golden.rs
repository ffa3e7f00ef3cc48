//! What each destination receives, worked by hand from the vendors' rules. The text above a row is the pre-image, and the
//! digest is `sha256sum` of it.

use crate::identity::IdentifierKind as Kind;
use crate::identity::profiles::*;

/// Profiles, the kind of their rule, the value, the member's country, and what is sent.
type Row = (&'static [&'static crate::identity::Profile], Kind, &'static str, &'static str, &'static str);

pub(super) const ROWS: &[Row] = &[
    // emails
    // nora.quist+vip@gmail.com
    (
        &[
            &META_CUSTOM_AUDIENCE,
            &META_CAPI,
            &TIKTOK_SEGMENT,
            &TIKTOK_EVENTS,
            &LINKEDIN,
            &PINTEREST_CUSTOMER_LIST,
            &PINTEREST_CAPI,
            &SNAPCHAT,
            &SNAPCHAT_CAPI,
            &X,
            &MICROSOFT,
            &CRITEO,
        ],
        Kind::Email,
        " Nora.Quist+VIP@Gmail.com",
        "",
        "0dd2f298678f139f027b24054c108fa6960bf1d7558a82d7d51216ee39527b65",
    ),
    // noraquist@gmail.com
    (
        &[&GOOGLE_ADS, &GOOGLE_DATA_MANAGER, &GOOGLE_CONVERSIONS, &GA4, &REDDIT, &REDDIT_CONVERSIONS],
        Kind::Email,
        " Nora.Quist+VIP@Gmail.com",
        "",
        "0fab2470a2dfd937f1232865b48cf382720aba7d0bd7ffce083be6ab96332cf5",
    ),
    // noraquist@gmail.com
    (
        &[&UID2, &EUID, &TTD_CRM],
        Kind::Email,
        " Nora.Quist+VIP@Gmail.com",
        "",
        "D6skcKLf2TfxIyhltIzzgnIKun0L1//OCDvmq5YzLPU=",
    ),
    // nora.quistvip@gmail.com
    (
        &[&AMAZON_HASHED_RECORDS],
        Kind::Email,
        " Nora.Quist+VIP@Gmail.com",
        "",
        "58643fcd7b79b3a62f6d75378073aa0fdab1783a84d5861b9545d541913ca34e",
    ),
    (&[&LIVERAMP, &KLAVIYO], Kind::Email, " Nora.Quist+VIP@Gmail.com", "", "nora.quist+vip@gmail.com"),
    // noraquist@googlemail.com
    (
        &[&GOOGLE_ADS, &GOOGLE_DATA_MANAGER, &GOOGLE_CONVERSIONS, &GA4],
        Kind::Email,
        "Nora.Quist@googlemail.com",
        "",
        "86e420711e0cfc1caae0fb08a40a302c685d68375cd40f201d974a4dea90ca1b",
    ),
    // nora.quist@googlemail.com
    (
        &[&UID2, &EUID, &TTD_CRM],
        Kind::Email,
        "Nora.Quist@googlemail.com",
        "",
        "cEcCcwD80kUYyu5B9FUeQ+/9l/3K9+77ONmKPAFZ0pc=",
    ),
    // ola.berg@fjord.example
    (
        &[
            &META_CUSTOM_AUDIENCE,
            &META_CAPI,
            &TIKTOK_SEGMENT,
            &TIKTOK_EVENTS,
            &LINKEDIN,
            &PINTEREST_CUSTOMER_LIST,
            &PINTEREST_CAPI,
            &SNAPCHAT,
            &SNAPCHAT_CAPI,
            &X,
            &MICROSOFT,
            &CRITEO,
            &GOOGLE_ADS,
            &GOOGLE_DATA_MANAGER,
            &GOOGLE_CONVERSIONS,
            &GA4,
            &AMAZON_HASHED_RECORDS,
        ],
        Kind::Email,
        "Ola.Berg@Fjord.example",
        "",
        "f823f7fa0afd7ebacf100ba6583a81205db55ff92a5303e51c2a826c5b8eb3d7",
    ),
    // ola.berg@fjord.example
    (
        &[&UID2, &EUID, &TTD_CRM],
        Kind::Email,
        "Ola.Berg@Fjord.example",
        "",
        "+CP3+gr9frrPEAumWDqBIF21X/kqUwPlHCqCbFuOs9c=",
    ),
    // olaberg@fjord.example
    (
        &[&REDDIT],
        Kind::Email,
        "Ola.Berg@Fjord.example",
        "",
        "c885c5d0f2f94c795cc5ca59948775ef61a35c2d0a9694cc0db3f46e74887791",
    ),
    // alice@example.com
    (
        &[&REDDIT],
        Kind::Email,
        "Al.ice$+Apple@Example.Com",
        "",
        "ff8d9819fc0e12bf0d24892e45987e249a28dce836a85cad60e28eaaa8c6d976",
    ),
    // phones
    // 15125550100
    (
        &[&META_CUSTOM_AUDIENCE, &META_CAPI, &SNAPCHAT, &SNAPCHAT_CAPI, &PINTEREST_CAPI, &AMAZON_HASHED_RECORDS],
        Kind::Phone,
        "+1 (512) 555-0100",
        "",
        "33c6438defc14519a2f9147cbf01d0ccb0471bbaf4b17bff231402de8fcceda7",
    ),
    // +15125550100
    (
        &[
            &GOOGLE_ADS,
            &GOOGLE_DATA_MANAGER,
            &GOOGLE_CONVERSIONS,
            &GA4,
            &TIKTOK_SEGMENT,
            &TIKTOK_EVENTS,
            &X,
            &REDDIT_CONVERSIONS,
            &MICROSOFT_CONVERSIONS,
        ],
        Kind::Phone,
        "+1 (512) 555-0100",
        "",
        "12945b229096fbeea14e73ff7096d927765584b9663358877238f4075eba0d89",
    ),
    // +15125550100
    (&[&UID2, &EUID, &TTD_CRM], Kind::Phone, "+1 (512) 555-0100", "", "EpRbIpCW++6hTnP/cJbZJ3ZVhLlmM1iHcjj0B166DYk="),
    (&[&LIVERAMP], Kind::Phone, "+1 (512) 555-0100", "", "5125550100"),
    (&[&KLAVIYO], Kind::Phone, "+1 (512) 555-0100", "", "+15125550100"),
    // 390612345678
    (
        &[&META_CUSTOM_AUDIENCE],
        Kind::Phone,
        "06 1234 5678",
        "IT",
        "472e1123cd4e2f66f1df06bd488dc6135dab8f80cbfcc4af144d042c005f0fb2",
    ),
    // +390612345678
    (
        &[&GOOGLE_ADS],
        Kind::Phone,
        "06 1234 5678",
        "IT",
        "37b702607839d6dc5fc81d95b52e550e336413bf7ae2e04cafeca79f066ea44b",
    ),
    // names
    // maríajosé
    (
        &[&META_CUSTOM_AUDIENCE, &META_CAPI],
        Kind::FirstName,
        "María José",
        "",
        "087195e4c706f7831d5638f5100a463323b40be1789eb46ee6f41bbfed86401e",
    ),
    // zoë
    (
        &[&META_CUSTOM_AUDIENCE],
        Kind::FirstName,
        "Zoë",
        "",
        "2752b88686847fa5c86f47b94ce652b7b3f22a91c37617d451a4db9afa431450",
    ),
    // obriensmith
    (
        &[&META_CUSTOM_AUDIENCE, &META_CAPI],
        Kind::LastName,
        "O'Brien-Smith",
        "",
        "16765783f9c8c8a3accf27f1abb877688cb5904c21a4a7afb5f125bcfcb246ba",
    ),
    // é
    (
        &[&META_CUSTOM_AUDIENCE],
        Kind::FirstInitial,
        "Élodie",
        "",
        "4a99557e4033c3539de2eb65472017cad5f9557f7a0625a09f1c3f6e2ba69c4c",
    ),
    // ada
    (
        &[&GOOGLE_ADS, &GOOGLE_DATA_MANAGER, &GOOGLE_CONVERSIONS, &GA4],
        Kind::FirstName,
        "Dr. Ada",
        "",
        "fdee430d40bd57deeac186cd9790033d0f06f909a8806e7ce6e717ab7c7d5029",
    ),
    // anne marie
    (
        &[&GOOGLE_ADS, &GOOGLE_DATA_MANAGER, &GOOGLE_CONVERSIONS, &GA4],
        Kind::FirstName,
        "Anne Marie",
        "",
        "a47ef2055fbfa2d8389507ad217d3b76d2d16546f892e737d73019f630eabca7",
    ),
    // lovelace
    (
        &[&GOOGLE_ADS, &GOOGLE_DATA_MANAGER, &GOOGLE_CONVERSIONS, &GA4],
        Kind::LastName,
        "Lovelace, Jr.",
        "",
        "fb1e7ec987523d2cb9e022cec1d6ae7c99dc46edfae4fe51254025fe4bea571f",
    ),
    // quinn-alex
    (
        &[&GOOGLE_ADS, &GOOGLE_DATA_MANAGER, &GOOGLE_CONVERSIONS, &GA4],
        Kind::LastName,
        "Quinn-Alex",
        "",
        "91581930b788bf2fd4ea63d8783c8c3b4c7ac8575461e033d18ee7def6cd49a9",
    ),
    // annemarie
    (
        &[&SNAPCHAT_CAPI, &PINTEREST_CAPI, &TIKTOK_EVENTS],
        Kind::FirstName,
        "Anne Marie",
        "",
        "67495eb5715de43c26f7c18b25cc7f62a7540236516bd59d5162a6f743598083",
    ),
    // delrío
    (
        &[&SNAPCHAT_CAPI, &PINTEREST_CAPI, &TIKTOK_EVENTS],
        Kind::LastName,
        "del Río",
        "",
        "379f2ece3d9cc9203f5852687f98242ee30930d70ed67e56e9efe147757ca6ec",
    ),
    // quinnlex2nd
    (
        &[&AMAZON_HASHED_RECORDS],
        Kind::LastName,
        "Quinn-Álex 2nd",
        "",
        "2a00aca00e67ef1d68b2323e493a94260bce762f0c4fbec514a9a75271652159",
    ),
    (&[&LINKEDIN], Kind::FirstName, "Ada", "", "ada"),
    (&[&LIVERAMP], Kind::LastName, "Quist ", "", "quist"),
    // people
    // f
    (
        &[&META_CUSTOM_AUDIENCE, &META_CAPI, &SNAPCHAT_CAPI, &PINTEREST_CAPI],
        Kind::Gender,
        "Female",
        "",
        "252f10c83610ebca1a059c0bae8255eba2f95be4d1d7bcfa89d7248a82d9f111",
    ),
    // 1984
    (
        &[&META_CUSTOM_AUDIENCE],
        Kind::BirthYear,
        "1984-05-04",
        "",
        "4dea5c7cb70f50322ec9d734aa4aa078be9227c05251e18991c596f387552370",
    ),
    // 05
    (
        &[&META_CUSTOM_AUDIENCE],
        Kind::BirthMonth,
        "1984-05-04",
        "",
        "c97550ce8213ef5cf6ed4ba48790c137df3ef6a5da20b48961001a634b6cead2",
    ),
    // 04
    (
        &[&META_CUSTOM_AUDIENCE],
        Kind::BirthDay,
        "1984-05-04",
        "",
        "6cd5b6e51936a442b973660c21553dd22bd72ddc8751132a943475288113b4c0",
    ),
    // 19840504
    (
        &[&META_CAPI, &SNAPCHAT_CAPI, &PINTEREST_CAPI],
        Kind::BirthDate,
        "04.05.1984",
        "",
        "25c32e445b22de670b35b01d7f942259ab71d244e0ee5e5884266cf587a5e344",
    ),
    (&[&LIVERAMP], Kind::BirthDate, "19840504", "", "1984-05-04"),
    // places
    // kbenhavn
    (
        &[&META_CUSTOM_AUDIENCE],
        Kind::City,
        "København",
        "DK",
        "a8ea83084130669dff52ff5524c7c1b47ab788f63e5a12816cbc310662b22c45",
    ),
    // københavn
    (
        &[&META_CAPI],
        Kind::City,
        "København 2",
        "DK",
        "0a86c40b1b0cb55f09912e18ebc23f7d10f70efaf53fa8431af8c6996c9605b0",
    ),
    // stlouis
    (
        &[&META_CAPI, &META_CUSTOM_AUDIENCE],
        Kind::City,
        "St. Louis",
        "US",
        "8ba24bdf99947996f3000259be455de791b06fcc0e802ce05031030df1ee8ea3",
    ),
    // newyork
    (
        &[&SNAPCHAT_CAPI, &PINTEREST_CAPI],
        Kind::City,
        "New York",
        "US",
        "350c754ba4d38897693aa077ef43072a859d23f613443133fecbbd90a3512ca5",
    ),
    (&[&TIKTOK_EVENTS], Kind::City, "New York", "US", "newyork"),
    // sopaulo
    (
        &[&AMAZON_HASHED_RECORDS],
        Kind::City,
        "São Paulo",
        "BR",
        "4a287883aa51936209f313e4c62d9b38b41b7df896dfdff33b98dc1a86607668",
    ),
    (&[&LIVERAMP, &GA4], Kind::City, "São Paulo", "BR", "são paulo"),
    // tx
    (
        &[&META_CUSTOM_AUDIENCE, &META_CAPI, &SNAPCHAT_CAPI, &PINTEREST_CAPI, &AMAZON_HASHED_RECORDS],
        Kind::Region,
        "Texas",
        "US",
        "1b5b9ccb3e8d006a5230de9bda23ff91edc794d4f56410560830b418528e446c",
    ),
    // ledefrance
    (
        &[&META_CUSTOM_AUDIENCE],
        Kind::Region,
        "Île-de-France",
        "FR",
        "0ddd2abe8eadd5bcd9f73a036ce35f07ed7fccdf2281125e3daa6ab5e57477bc",
    ),
    // îledefrance
    (
        &[&META_CAPI],
        Kind::Region,
        "Île-de-France",
        "FR",
        "7f2f97f2a36f4cae0d099b382c08f83ec00532733befa7a2831942ab70360a48",
    ),
    // 78701
    (
        &[&META_CUSTOM_AUDIENCE, &META_CAPI, &SNAPCHAT_CAPI, &PINTEREST_CAPI, &AMAZON_HASHED_RECORDS, &TIKTOK_EVENTS],
        Kind::Postal,
        "78701-1234",
        "US",
        "384248b18055777d69403b479d74e10a96ecc6c6dd6f02308684d3d94eaacad1",
    ),
    // sw1a1aa
    (
        &[&META_CUSTOM_AUDIENCE, &META_CAPI],
        Kind::Postal,
        "SW1A 1AA",
        "GB",
        "830e1d4b9838bab1f5c2acdb23e0b502ff13a9832c4632e8d67a1d43d3b7f614",
    ),
    (
        &[&GOOGLE_ADS, &GOOGLE_DATA_MANAGER, &GOOGLE_CONVERSIONS, &GA4, &LIVERAMP],
        Kind::Postal,
        "78701-1234",
        "US",
        "78701-1234",
    ),
    (&[&GOOGLE_ADS], Kind::Postal, "1100148", "PT", "1100-148"),
    // us
    (
        &[&META_CUSTOM_AUDIENCE, &META_CAPI, &SNAPCHAT_CAPI, &PINTEREST_CAPI],
        Kind::Country,
        "United States",
        "",
        "79adb2a2fce5c6ba215fe5f27f532d4e7edbac4b6a5e09e1ef3a08084a904621",
    ),
    (
        &[&GOOGLE_ADS, &GOOGLE_DATA_MANAGER, &GOOGLE_CONVERSIONS, &GA4, &LINKEDIN, &LIVERAMP],
        Kind::Country,
        "deutschland",
        "",
        "DE",
    ),
    (&[&AMAZON_HASHED_RECORDS, &TIKTOK_EVENTS], Kind::Country, "DE", "", "de"),
    (&[&LIVERAMP], Kind::Street, "1  Main St.", "US", "1 main st."),
    // 1 main st.
    (&[&GA4], Kind::Street, "1  Main St.", "US", "520fb9bde141bbbecf999399012acaa098b5fb302fcc697c1d330bb2dcb76a7c"),
    // devices and accounts
    (
        &[&META_CUSTOM_AUDIENCE, &META_CAPI, &GOOGLE_ADS, &GOOGLE_DATA_MANAGER, &CRITEO, &TTD_CRM, &TIKTOK_EVENTS],
        Kind::Idfa,
        "AEBE52E7-03EE-455A-B3C4-E57283966239",
        "",
        "aebe52e7-03ee-455a-b3c4-e57283966239",
    ),
    // aebe52e7-03ee-455a-b3c4-e57283966239
    (
        &[&TIKTOK_SEGMENT, &SNAPCHAT, &X, &PINTEREST_CUSTOMER_LIST],
        Kind::Idfa,
        "AEBE52E7-03EE-455A-B3C4-E57283966239",
        "",
        "aab766791ab90f208a8bcb342fd935b3012e81ca20b1f7cf707caf804bbd813c",
    ),
    // AEBE52E7-03EE-455A-B3C4-E57283966239
    (
        &[&REDDIT],
        Kind::Idfa,
        "AEBE52E7-03EE-455A-B3C4-E57283966239",
        "",
        "a86c7cc94d2cde80e11ffe8811abd326b97dba0766a68aba9f061b7a9b8c71d2",
    ),
    // aebe52e7-03ee-455a-b3c4-e57283966239
    (
        &[&REDDIT, &SNAPCHAT, &X],
        Kind::Gaid,
        "AEBE52E7-03EE-455A-B3C4-E57283966239",
        "",
        "aab766791ab90f208a8bcb342fd935b3012e81ca20b1f7cf707caf804bbd813c",
    ),
    (&[&LINKEDIN], Kind::Gaid, "AEBE52E7-03EE-455A-B3C4-E57283966239", "", "aebe52e7-03ee-455a-b3c4-e57283966239"),
    (
        &[&META_CUSTOM_AUDIENCE, &MIXPANEL, &X, &GOOGLE_ADS, &KLAVIYO, &AMPLITUDE, &SEGMENT, &POSTHOG, &BRAZE],
        Kind::ExternalId,
        " C-aB1 ",
        "",
        "C-aB1",
    ),
    // c-ab1
    (
        &[&META_CAPI],
        Kind::ExternalId,
        " C-aB 1 ",
        "",
        "c4a8f9c0995f3899a0827c6b71c7fdf448e06ecadebd034cab325c3f96394202",
    ),
    // C-aB1
    (
        &[&TIKTOK_EVENTS],
        Kind::ExternalId,
        "C-aB1",
        "",
        "7854572a12ec0300fa3eef0ba2325492f6b1c1aae3eefc789348ce440a734980",
    ),
    (&[&AMAZON_HASHED_RECORDS], Kind::ExternalId, "C-aB_1", "", "C-aB_1"),
    // nora_quist
    (&[&X], Kind::Handle, "@Nora_Quist", "", "8820670931e4281da70b5a15387bd6419bf527d41de5cc796ebfe7364f737cd8"),
    // 27391011
    (&[&X], Kind::PlatformUserId, "27391011", "", "75bc232767bcf32282f9aebc208bb625d6a86d80b38ddd0a89dd15207f2c3619"),
    (
        &[&META_CAPI, &SNAPCHAT_CAPI, &TIKTOK_EVENTS, &PINTEREST_CAPI, &REDDIT_CONVERSIONS],
        Kind::Ip,
        "8.8.8.8",
        "",
        "8.8.8.8",
    ),
    (&[&META_CAPI], Kind::Fbc, "fb.1.1554763741205.AbCdEf", "", "fb.1.1554763741205.AbCdEf"),
    (&[&GOOGLE_CONVERSIONS], Kind::Gclid, "Cj0KaB", "", "Cj0KaB"),
    (&[&TIKTOK_EVENTS], Kind::Ttclid, "E.C.P", "", "E.C.P"),
    (&[&SNAPCHAT_CAPI], Kind::ScClickId, "aB-1", "", "aB-1"),
    (&[&PINTEREST_CAPI], Kind::Epik, "dj0y", "", "dj0y"),
    (&[&X_CONVERSIONS], Kind::Twclid, "26l6", "", "26l6"),
    (&[&REDDIT_CONVERSIONS], Kind::RdtCid, "33R", "", "33R"),
    (&[&LINKEDIN_CONVERSIONS], Kind::LiFatId, "a-b", "", "a-b"),
    (&[&MICROSOFT_CONVERSIONS], Kind::Msclkid, "9aF", "", "9aF"),
    (
        &[&UID2, &TTD_CRM],
        Kind::Uid2,
        "YhKT6ONeMDyvQPLzyLt3DyWDL4j9kMF1Ty4rHLt9l7w=",
        "",
        "YhKT6ONeMDyvQPLzyLt3DyWDL4j9kMF1Ty4rHLt9l7w=",
    ),
    (
        &[&EUID],
        Kind::Euid,
        "YhKT6ONeMDyvQPLzyLt3DyWDL4j9kMF1Ty4rHLt9l7w=",
        "",
        "YhKT6ONeMDyvQPLzyLt3DyWDL4j9kMF1Ty4rHLt9l7w=",
    ),
    (
        &[&LIVERAMP, &CRITEO, &TTD_CRM],
        Kind::RampId,
        "XY1000bDaZQ0Yy_fR-UgJKVLbkLIZaFyKMQ99zrIvuSSnQ4Tg",
        "",
        "XY1000bDaZQ0Yy_fR-UgJKVLbkLIZaFyKMQ99zrIvuSSnQ4Tg",
    ),
];
