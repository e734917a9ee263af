use credential_format::key::*; use credential_format::permit::StatusSlot; use credential_format::timestamp::Timestamp;
use ed25519_dalek::{SigningKey,Signer}; use issuer::*; use issuer::bulk::*; use std::time::Instant;
fn main(){
 let secret=SigningKey::from_bytes(&[1;32]); let public=PublicKey::try_from(&CoseKey::from(secret.verifying_key())).unwrap();
 let m=[7u8;330]; let n=5000; let t=Instant::now(); for _ in 0..n { let s=secret.sign(&m); public.verify(&m,&s.to_bytes()).unwrap(); } println!("sign+verify {:?}", t.elapsed()/n);
 let key=IssuingKey::new(secret,public).unwrap();
 let now=Timestamp::parse("2026-07-01T09:00:00+08:00").unwrap();
 let raw=RawRequest{residence_code:Some("4400 0000 0012 3454".into()),name:Some("欧阳示范".into()),citizen_id:Some("360102198802099994".into()),ethnicity:Some("汉".into()),household_division:Some("360102".into()),household_address:Some("江西省南昌市东湖区虚构巷7号".into()),address_division:Some("440105".into()),address:Some("广东省广州市海珠区样板街22号".into()),issued_on:Some("2026-07-01".into()),endorsement_years:Some("1".into()),..Default::default()};
 let t=Instant::now(); for _ in 0..n { raw.check(now.day()).unwrap(); } println!("check {:?}", t.elapsed()/n);
 let request=raw.check(now.day()).unwrap();
 let device=Device::try_from(&CoseKey::from(SigningKey::from_bytes(&[9; 32]).verifying_key())).unwrap();
 let t=Instant::now(); for i in 0..n { issue(&request,&device,StatusSlot{list:1,index:i as u64},now,&key).unwrap(); } println!("issue {:?}", t.elapsed()/n);
 let jobs=(0..50000u64).map(|index| Job{request:request.clone(),bearer:Bearer::Device(device.clone()),slot:StatusSlot{list:1,index}});
 let t=Instant::now(); issue_all::<_,()>(jobs,now,&key,|_,r|{r.unwrap();Ok(())}).unwrap(); println!("bulk {:?} each", t.elapsed()/50000);
}
