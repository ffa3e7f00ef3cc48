//! Whether a phone's country is the one of the country column.

use std::collections::{HashMap, HashSet};
use std::sync::LazyLock;

use super::super::region::Region;

/// Country calling codes and the regions that share them (metadata of `rlibphonenumber` 2.2, November 2026). Regions of
/// one code are not told apart: a Canadian number in a row of the United States is no mismatch.
const PLAN: &str = "1:AG,AI,AS,BB,BM,BS,CA,DM,DO,GD,GU,JM,KN,KY,LC,MP,MS,PR,SX,TC,TT,US,VC,VG,VI 7:KZ,RU 20:EG 27:ZA 30:GR 31:NL \
    32:BE 33:FR 34:ES 36:HU 39:IT,VA 40:RO 41:CH 43:AT 44:GB,GG,IM,JE 45:DK 46:SE 47:NO,SJ 48:PL 49:DE 51:PE 52:MX \
    53:CU 54:AR 55:BR 56:CL 57:CO 58:VE 60:MY 61:AU,CC,CX 62:ID 63:PH 64:NZ 65:SG 66:TH 81:JP 82:KR 84:VN 86:CN \
    90:TR 91:IN 92:PK 93:AF 94:LK 95:MM 98:IR 211:SS 212:EH,MA 213:DZ 216:TN 218:LY 220:GM 221:SN 222:MR 223:ML \
    224:GN 225:CI 226:BF 227:NE 228:TG 229:BJ 230:MU 231:LR 232:SL 233:GH 234:NG 235:TD 236:CF 237:CM 238:CV 239:ST \
    240:GQ 241:GA 242:CG 243:CD 244:AO 245:GW 246:IO 247:AC 248:SC 249:SD 250:RW 251:ET 252:SO 253:DJ 254:KE 255:TZ \
    256:UG 257:BI 258:MZ 260:ZM 261:MG 262:RE,YT 263:ZW 264:NA 265:MW 266:LS 267:BW 268:SZ 269:KM 290:SH,TA 291:ER \
    297:AW 298:FO 299:GL 350:GI 351:PT 352:LU 353:IE 354:IS 355:AL 356:MT 357:CY 358:AX,FI 359:BG 370:LT 371:LV \
    372:EE 373:MD 374:AM 375:BY 376:AD 377:MC 378:SM 380:UA 381:RS 382:ME 383:XK 385:HR 386:SI 387:BA 389:MK 420:CZ \
    421:SK 423:LI 500:FK 501:BZ 502:GT 503:SV 504:HN 505:NI 506:CR 507:PA 508:PM 509:HT 590:BL,GP,MF 591:BO 592:GY \
    593:EC 594:GF 595:PY 596:MQ 597:SR 598:UY 599:BQ,CW 670:TL 672:NF 673:BN 674:NR 675:PG 676:TO 677:SB 678:VU \
    679:FJ 680:PW 681:WF 682:CK 683:NU 685:WS 686:KI 687:NC 688:TV 689:PF 690:TK 691:FM 692:MH 850:KP 852:HK 853:MO \
    855:KH 856:LA 880:BD 886:TW 960:MV 961:LB 962:JO 963:SY 964:IQ 965:KW 966:SA 967:YE 968:OM 970:PS 971:AE 972:IL \
    973:BH 974:QA 975:BT 976:MN 977:NP 992:TJ 993:TM 994:AZ 995:GE 996:KG 998:UZ";

/// The calling code of an E.164 number. No code is the beginning of another one.
pub(super) fn calling_code(e164: &str) -> Option<u16> {
    let digits = e164.strip_prefix('+')?;
    let codes = (1..=3).filter_map(|len| digits.get(..len)?.parse().ok());
    codes.into_iter().find(|code| TABLE.0.contains(code))
}

/// The calling code of a region, where it has one.
pub(super) fn code_of(region: Region) -> Option<u16> {
    TABLE.1.get(&region).copied()
}

static TABLE: LazyLock<(HashSet<u16>, HashMap<Region, u16>)> = LazyLock::new(|| {
    let (mut codes, mut regions) = (HashSet::new(), HashMap::new());
    for (code, sharing) in lines() {
        let Ok(code) = code.parse() else { continue };
        codes.insert(code);
        regions.extend(sharing.split(',').filter_map(Region::read).map(|region| (region, code)));
    }
    (codes, regions)
});

/// The regions of a calling code, as people read them: `DE`; `US and others`.
pub(super) fn named(code: u16) -> String {
    let text = code.to_string();
    match (code, regions_of(&text).map(|regions| regions.split_once(','))) {
        (1, _) => "US, CA and others".to_owned(),
        (7, _) => "RU, KZ".to_owned(),
        (39, _) => "IT, VA".to_owned(),
        (44, _) => "GB and others".to_owned(),
        (_, Some(None)) => regions_of(&text).unwrap_or_default().to_owned(),
        (_, Some(Some((first, _)))) => format!("{first} and others"),
        (_, None) => "international".to_owned(),
    }
}

/// The most likely region of a calling code.
pub(super) fn main_region(code: u16) -> Option<Region> {
    let text = code.to_string();
    let main = match code {
        1 => "US",
        7 => "RU",
        39 => "IT",
        44 => "GB",
        47 => "NO",
        61 => "AU",
        212 => "MA",
        262 => "RE",
        358 => "FI",
        590 => "GP",
        599 => "CW",
        _ => regions_of(&text)?.split(',').next()?,
    };
    Region::read(main)
}

fn lines() -> impl Iterator<Item = (&'static str, &'static str)> {
    PLAN.split(' ').filter_map(|line| line.split_once(':'))
}

fn regions_of(code: &str) -> Option<&'static str> {
    lines().find(|(known, _)| *known == code).map(|(_, regions)| regions)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn region(code: &str) -> Region {
        Region::parse(code).unwrap()
    }

    #[test]
    fn codes_are_read_from_either_side() {
        for (number, code, home) in [
            ("+4930901820", 49, "DE"),
            ("+12025550100", 1, "US"),
            ("+3545551234", 354, "IS"),
            ("+77011234567", 7, "KZ"),
        ] {
            assert_eq!((calling_code(number), code_of(region(home))), (Some(code), Some(code)));
        }
        assert_eq!((calling_code("+999123456"), calling_code("4930"), calling_code("+")), (None, None, None));
        assert_eq!(code_of(region("AQ")), None);
        assert_eq!([named(49), named(1), named(212)], ["DE", "US, CA and others", "EH and others"]);
    }

    #[test]
    fn no_code_begins_another_and_main_regions_have_their_code() {
        for (code, _) in lines() {
            assert!(lines().all(|(other, _)| other == code || !other.starts_with(code)), "{code}");
            let number: u16 = code.parse().unwrap();
            if let Some(main) = main_region(number) {
                assert_eq!(code_of(main), Some(number), "{code}");
            }
        }
    }

    #[test]
    #[cfg(feature = "phone")]
    fn the_table_is_the_one_of_the_parser() {
        use rlibphonenumber::PHONE_NUMBER_UTIL;
        for plan in PHONE_NUMBER_UTIL.get_supported_regions() {
            let Some(region) = Region::read(&format!("{plan:?}")) else { continue };
            let code = PHONE_NUMBER_UTIL.get_country_code_for_region(plan);
            assert_eq!(code_of(region).map(i32::from), code, "{plan:?}");
        }
    }
}
