//! Smoke.
use muster::clock::Clock;
use muster::domain::access::Reach;
use muster::domain::contact::*;
use muster::domain::directory::*;
use muster::domain::ids::*;
use muster::store::*;

#[test]
fn smoke() {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(&StoreOptions::new(dir.path(), Mode::Server, "t"), Clock::system()).unwrap();
    let e = EnterpriseId::parse("acme").unwrap();
    let d = DepartmentId::parse("sales").unwrap();
    let u = EmployeeId::parse("u1").unwrap();
    let (e2, d2, u2) = (e.clone(), d.clone(), u.clone());
    store
        .write_blocking(move |tx| {
            tx.create_enterprise(Some(e2.clone()), &Name::parse("name", "Acme").unwrap())?;
            tx.create_department(&e2, Some(d2.clone()), &Name::parse("name", "Sales").unwrap())?;
            let info = EmployeeInfo::parse(EmployeeFields { first_name: "A".into(), ..Default::default() }).unwrap();
            tx.create_employee(&e2, &d2, Some(u2.clone()), &info)?;
            for i in 0..10 {
                let f = ContactFields { name: format!("n{}", i % 5), company: "Contoso".into(), ..Default::default() };
                tx.add_contact(&Reach::Installation, &u2, &ContactInfo::parse(f).unwrap(), "AddContact")?;
            }
            Ok(())
        })
        .unwrap();
    let s = store.read_blocking(|tx| tx.enterprise_summary(&e)).unwrap();
    println!("{}", serde_json::to_string(&s).unwrap());
    assert_eq!(store.read_blocking(|tx| tx.check()).unwrap().differences, vec![]);
    let (e2, d2, u2) = (e.clone(), d.clone(), u.clone());
    store.write_blocking(move |tx| tx.archive_employee(&e2, &d2, &u2)).unwrap();
    let s = store.read_blocking(|tx| tx.enterprise_summary(&e)).unwrap();
    assert_eq!(s.totals.total_contacts, 0);
    assert_eq!(store.read_blocking(|tx| tx.check()).unwrap().differences, vec![]);
    let e2 = e.clone();
    store.write_blocking(move |tx| tx.purge_enterprise(&e2)).unwrap();
    store.close();
}
